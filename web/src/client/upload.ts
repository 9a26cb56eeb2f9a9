import { api, type UploadAnswer } from "./api";
import { refusal, Refused } from "./call";

/** Send one file as it is; `told` hears how much is there, 0 to 1. */
export function upload(file: Blob, name: string, told: (fraction: number) => void, stop?: AbortSignal): Promise<UploadAnswer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", api.upload(name));
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = (event) => told(event.total ? event.loaded / event.total : 0);
    request.onerror = () => reject(refusal(0, "", null));
    request.onabort = () => reject(new Refused(0, "Stopped."));
    request.onload = () =>
      request.status === 200
        ? resolve(JSON.parse(request.responseText) as UploadAnswer)
        : reject(refusal(request.status, request.responseText, request.getResponseHeader("retry-after")));
    stop?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
