// The widget's height, told to the page that frames the widget: to that window and origin alone, and only when asked by them.

/** The question and the answer. Any other message is somebody else's. */
export interface RoomMessage {
  linelight: "room";
  /** Pixels that the widget needs; absent in the question. */
  height?: number;
}

/** Tells the framing page the height that the widget needs, once now and after each change. `origins` may frame the widget. */
export function tellRoom(origins: readonly string[], height: () => number): () => void {
  let asker: string | null = null;
  let told = 0;
  const tell = (): void => {
    const wanted = height();
    if (asker === null || wanted === told) return;
    told = wanted;
    const message: RoomMessage = { linelight: "room", height: wanted };
    parent.postMessage(message, asker);
  };
  addEventListener("message", ({ source, origin, data }: MessageEvent<Partial<RoomMessage> | null>) => {
    if (source !== parent || parent === window || !origins.includes(origin) || data?.linelight !== "room") return;
    [asker, told] = [origin, 0];
    tell();
  });
  return tell;
}
