import { useSignal } from "@preact/signals";
import { api } from "../client/api";
import { mustSignIn } from "../client/call";
import { Notice } from "../parts/checks";
import { askAgain, sentence } from "../state";

export function SignIn() {
  const trouble = useSignal("");
  async function send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const token = String(new FormData(event.currentTarget as HTMLFormElement).get("token") ?? "");
    try {
      await api.signInWithToken({ token });
      mustSignIn.value = false;
      await askAgain();
    } catch (error) {
      trouble.value = sentence(error);
    }
  }
  return (
    <form class="panel signin" onSubmit={(event) => void send(event as unknown as SubmitEvent)}>
      <h1>Sign in</h1>
      <label for="token">The token that this service was started with</label>
      <input id="token" name="token" type="password" autocomplete="current-password" required />
      <button class="start">Sign in</button>
      {trouble.value && <Notice kind="bad" text={trouble.value} />}
    </form>
  );
}
