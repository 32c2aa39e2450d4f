// A photo made small, and drawn anew: nothing of where, when and with what it was taken is in what is sent.

import { PHOTO_BYTES } from "./report_queue.mjs";

const SIDE_PX = 1_600;
const TYPES = ["image/jpeg", "image/png", "image/webp"];

/** {blob, keep}: the file as it is where `keep` and it is small enough, else drawn anew. Rejects where it is no picture. */
export async function prepared(file, keep) {
  if (keep) {
    if (!TYPES.includes(file.type) || file.size > PHOTO_BYTES) throw new Error("size");
    return { blob: new Blob([await file.arrayBuffer()], { type: file.type }), keep };
  }
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, SIDE_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  for (const quality of [0.82, 0.6, 0.4]) {
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
    if (blob && blob.size <= PHOTO_BYTES) return { blob, keep: false };
  }
  throw new Error("size");
}

export const size = (bytes) => (bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
