import Synchronization

/// Inner ids that no other request of this network has: random per node and start, then counted.
final class WireIDs: Sendable {
  private let prefix: String
  private let last = Atomic<UInt64>(0)

  init() {
    // 64 random bits, so that two nodes, or one before and after a restart, practically never meet.
    prefix = String(UInt64.random(in: UInt64.min...UInt64.max), radix: 16)
  }

  func next() -> String {
    "\(prefix)-\(String(last.wrappingAdd(1, ordering: .relaxed).newValue, radix: 16))"
  }
}
