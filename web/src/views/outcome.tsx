import type { StatusAnswer } from "../client/api";
export const Outcome = ({ status }: { status: StatusAnswer }) => <h1>{status.title}</h1>;
