import Synchronization

/// A flag that tasks share.
final class Switch: Sendable {
  private let flag = Atomic(false)

  var isOn: Bool {
    get { flag.load(ordering: .acquiring) }
    set { flag.store(newValue, ordering: .releasing) }
  }
}
