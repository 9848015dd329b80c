// The charts' motion: with the screen's pictures, or in steps of a second.

/** Figures are looked at for their age so often, and a calm chart moves so often, in milliseconds. */
export const TICK = 1_000;

/** Calls `scroll` as often as the screen draws, or each second where the reader asked for less motion, until it returns `false`. */
export function animate(scroll: () => boolean | void): void {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let stepped = 0;
  const step = (at: number): void => {
    if (!calm.matches || at - stepped >= TICK) {
      stepped = at;
      if (scroll() === false) return;
    }
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}
