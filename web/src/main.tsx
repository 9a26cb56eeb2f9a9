import { render } from "preact";
import { App } from "./app";
import "./style.css";

// a file dropped beside its place would replace the page
for (const name of ["dragover", "drop"] as const) window.addEventListener(name, (event) => event.preventDefault());

const root = document.getElementById("page");
if (root) render(<App />, root);
