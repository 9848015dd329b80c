// A browser engine, for the tests of all engines. Each engine has another client; the tests know this interface alone.

import type { Theme } from "../chromium.ts";

/** An installed browser engine. */
export interface Engine {
  readonly name: string;
  /** Starts the browser without a visible window. */
  launch(theme: Theme): Promise<Running>;
}

/** A running browser. */
export interface Running {
  /** Opens an empty tab of 1024 by 730 CSS pixels. One tab is open at a time. */
  open(): Promise<Tab>;
  close(): Promise<void>;
}

/** One tab. */
export interface Tab {
  /** Loads an address, to the end of the load event. */
  load(url: string): Promise<void>;
  /** Goes back by one entry of the history. */
  back(): Promise<void>;
  /** Runs a function in the page and returns the result, a value of JSON. The function sees the arguments alone. */
  evaluate<Arguments extends unknown[], Result>(
    script: (...given: Arguments) => Result | Promise<Result>,
    ...given: Arguments
  ): Promise<Result>;
  /** A picture of the first element, as PNG. The window is as wide as the page, one device pixel for each CSS pixel. */
  picture(selector: string): Promise<Buffer>;
  /** Presses the middle of the first element, as a mouse does. */
  click(selector: string): Promise<void>;
  close(): Promise<void>;
}
