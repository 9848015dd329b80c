// Makes the README's pictures, docs/pictures/{phone,desktop,console}.png. Usage: node readme-pictures.mjs

import { bundle } from "./bundle.mjs";

const { files, remove } = await bundle(["readme-pictures.ts"]);
try {
  await import(files[0]);
} finally {
  remove();
}
