// The document's parts and their texts. Every drawing file stands on this one.

/** Sets an element's text where the text differs, so that nothing is laid out without need. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Returns the element that index.html has under `selector`; throws where index.html lacks the element. */
export function part(host: ParentNode, selector: string): HTMLElement {
  const found = host.querySelector<HTMLElement>(selector);
  if (found === null) throw new Error(`index.html has no ${selector}`);
  return found;
}
