/// Names one stream of one engine for as long as anybody may speak of it; never used again.
///
/// A stream that was accepted is named by where it lives (loop, slot) and by the slot's generation, so that a late order for
/// a stream that is gone cannot hit its successor. A stream that was ordered (``RelayEngine/join(token:at:upstream:)``) is
/// named before it lives anywhere, by a serial number.
public struct StreamID: Hashable, Sendable, CustomStringConvertible {
  /// The slot number of names that are serial numbers.
  static let serialMarker = UInt32.max

  let loop: UInt16
  let slot: UInt32
  let generation: UInt32

  init(loop: Int, slot: UInt32, generation: UInt32) {
    self.loop = UInt16(truncatingIfNeeded: loop)
    self.slot = slot
    self.generation = generation
  }

  init(loop: Int, serial: UInt32) {
    self.init(loop: loop, slot: Self.serialMarker, generation: serial)
  }

  var isSerial: Bool { slot == Self.serialMarker }

  /// Short, for log lines: `0-17-3` (loop, slot, generation) or `0-j42` (loop, serial number of a joined stream).
  public var description: String {
    isSerial ? "\(loop)-j\(generation)" : "\(loop)-\(slot)-\(generation)"
  }
}
