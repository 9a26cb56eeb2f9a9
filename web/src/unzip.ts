/** Read a zip in the browser: its directory, then what is inside, stored or deflated. */

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LONGEST_END = 66_000;
const LOCAL_BYTES = 30;
const DEFLATED = 8;

export async function unzip(zip: Blob): Promise<File[]> {
  const tail = new DataView(await zip.slice(Math.max(0, zip.size - LONGEST_END)).arrayBuffer());
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END) end -= 1;
  if (end < 0) throw new Error("This is no zip.");
  const count = tail.getUint16(end + 10, true);
  const start = tail.getUint32(end + 16, true);
  if (start === 0xffffffff) throw new Error("This zip is larger than 4 GB: unpack it, and drop the folder.");
  const view = new DataView(await zip.slice(start, start + tail.getUint32(end + 12, true)).arrayBuffer());
  const found: File[] = [];
  for (let at = 0, i = 0; i < count && view.getUint32(at, true) === ENTRY; i += 1) {
    const sizes = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const nameBytes = sizes[0] ?? 0;
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, at + 46, nameBytes));
    if (!name.endsWith("/") && !name.startsWith("__MACOSX/")) found.push(await inside(zip, view, at, name));
    at += 46 + sizes.reduce((sum, size) => sum + size, 0);
  }
  return found;
}

async function inside(zip: Blob, view: DataView, at: number, name: string): Promise<File> {
  const [method, size, local] = [view.getUint16(at + 10, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)];
  const head = new DataView(await zip.slice(local, local + LOCAL_BYTES).arrayBuffer());
  const from = local + LOCAL_BYTES + head.getUint16(26, true) + head.getUint16(28, true);
  const packed = zip.slice(from, from + size);
  const last = name.slice(name.lastIndexOf("/") + 1);
  if (method !== DEFLATED) return new File([packed], last);
  const stream = packed.stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new File([await new Response(stream).blob()], last);
}
