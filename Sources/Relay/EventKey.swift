/// What epoll gives back with an event: generation, slot and end in one number.
///
/// Slot numbers from ``maxSlots`` on are not slots: attempts to connect for one, the listeners, the mailbox.
struct EventKey {
  static let maxSlots: UInt32 = 0x3fff_0000
  private static let firstAttempt: UInt32 = 0x4000_0000
  private static let firstListener: UInt32 = 0x7fff_0000
  static let wake = UInt64.max >> 32

  let raw: UInt64

  init(_ raw: UInt64) { self.raw = raw }

  init(slot: UInt32, generation: UInt32, end: End) {
    raw = UInt64(generation) << 32 | UInt64(slot) << 1 | UInt64(end.rawValue)
  }

  /// An attempt is known by its own number, so that an event of one that has lost the race misses the one that has won.
  init(attempt: UInt32, slot: UInt32, end: End) {
    raw = UInt64(attempt) << 32 | UInt64(Self.firstAttempt + slot) << 1 | UInt64(end.rawValue)
  }

  init(listener: Int) {
    raw = UInt64(Self.firstListener + UInt32(listener)) << 1
  }

  var slot: UInt32 { UInt32(truncatingIfNeeded: raw) >> 1 }
  var generation: UInt32 { UInt32(truncatingIfNeeded: raw >> 32) }
  var end: End { raw & 1 == 0 ? .downstream : .upstream }
  /// The attempt and the slot it is for, if an attempt is meant.
  var attempt: (number: UInt32, slot: UInt32)? {
    (Self.firstAttempt..<Self.firstAttempt + Self.maxSlots).contains(slot) ? (generation, slot - Self.firstAttempt) : nil
  }
  /// Which listener is meant, if it is none of the slots and not the mailbox.
  var listener: Int? { slot >= Self.firstListener && raw != Self.wake ? Int(slot - Self.firstListener) : nil }
}
