import type { ComponentChildren } from "preact";
import { api, type StatusAnswer } from "../client/api";
import type { Report } from "../report";
import { plural, stepWords } from "../words";
import { Failed, Notice } from "./checks";

const Get = ({ href, children }: { href: string; children: ComponentChildren }) => (
  <a class="button" href={href} download>
    {children}
  </a>
);

/** Everything that came out, to be saved. */
export function Downloads({ status }: { status: StatusAnswer }) {
  const outputs = status.outputs ?? [];
  const session = status.session_id;
  const masters = outputs.filter((name) => /^(master|mix)\./.test(name));
  const stems = outputs.filter((name) => name.startsWith("stems/"));
  const rest = outputs.filter((name) => /^(plan|report|manifest)\.json$|\.html$/.test(name));
  return (
    <section class="panel downloads">
      <h2>Take it with you</h2>
      <div class="go">
        {masters.map((name) => (
          <Get key={name} href={api.file(session, name)}>
            {name}
          </Get>
        ))}
        {outputs.some((name) => name.endsWith(".zip")) && <Get href={api.download(session)}>Everything as a zip</Get>}
      </div>
      <details>
        <summary>One by one: {plural(stems.length, "stem")}, and the papers</summary>
        <ul class="files">
          {[...stems, ...rest].map((name) => (
            <li key={name}>
              <a href={api.file(session, name)} download>
                {name}
              </a>
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}

/** What was measured: what did not pass first, the rest by step. */
export function ReportPanel({ status, report, said = false }: { status: StatusAnswer; report: Report; said?: boolean }) {
  const hasPage = (status.outputs ?? []).includes("report.html");
  return (
    <section class="panel report">
      <h2>What was measured</h2>
      {!report.failed.length && <p>{plural(report.passed, "check")} were asked of the finished audio, and all of them passed.</p>}
      {!said && report.failed.map((check, i) => (
        <Failed key={i} check={check} />
      ))}
      {report.notices.map((notice, i) => (
        <Notice key={i} {...notice} />
      ))}
      <details>
        <summary>Step by step</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col">Checks</th>
              <th scope="col">Passed</th>
            </tr>
          </thead>
          <tbody>
            {report.steps.map((step) => (
              <tr key={step.name}>
                <th scope="row">{stepWords(step.name)}</th>
                <td class="read">{step.checks.length}</td>
                <td class="read">{step.checks.filter((check) => check.passed).length}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
      {hasPage && (
        <p>
          <a href={`/api/remix/${status.session_id}/report`} target="_blank" rel="noreferrer">
            The full report, with pictures
          </a>
        </p>
      )}
    </section>
  );
}
