import CLinux

/// The owner of one file descriptor: closed exactly once, when the owner goes away.
///
/// Slots keep plain numbers, since they live in a slab; between the kernel and a slot every descriptor is in one of these,
/// so that no early return leaks it.
struct Descriptor: ~Copyable, Sendable {
  let number: Int32

  /// Takes over an open descriptor; nil for the -1 of a failed system call.
  init?(owning number: Int32) {
    guard number >= 0 else { return nil }
    self.number = number
  }

  deinit { _ = hyper_close(number) }

  /// Gives the ownership to the caller.
  consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }
}
