import { size, type Uploads } from "../uploads";

export const FileList = ({ uploads }: { uploads: Uploads }) => (
  <ul class="file-list" aria-label="Files">
    {uploads.all.value.map((one) => (
      <li key={one.name}>
        <span class="file-name">{one.name}</span>
        {one.trouble ? (
          <span class="bad-text">{one.trouble}</span>
        ) : one.sha256 ? (
          <span class="dim read">{size(one.bytes)}</span>
        ) : (
          <progress max={1} value={one.sent} aria-label={`Sending ${one.name}`} />
        )}
        <button type="button" class="quiet small" aria-label={`Take out ${one.name}`} onClick={() => uploads.remove(one.name)}>
          Take out
        </button>
      </li>
    ))}
  </ul>
);
