// Makes the README's pictures of the page, docs/pictures/{phone,desktop}.png. Usage: node readme-pictures.mjs

import { bundle } from "./bundle.mjs";

const { files, remove } = await bundle(["readme-pictures.ts"]);
try {
  await import(files[0]);
} finally {
  remove();
}
