import CLinux
import Glibc

/// A thread of ours: all signals blocked, named for `top`.
struct Thread: Sendable {
  private let handle: pthread_t

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Nil when the system will not give us one.
  static func start(name: String, _ body: @escaping @Sendable () -> Void) -> Thread? {
    var handle = pthread_t()
    let box = Unmanaged.passRetained(Body(body))
    let code = hyper_thread_start(
      &handle, name,
      { argument in
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      box.release()
      return nil
    }
    return Thread(handle: handle)
  }

  /// For threads that nobody waits for.
  static func startDetached(name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    guard let thread = start(name: name, body) else { return false }
    thread.detach()
    return true
  }

  /// Instead of `join`: nobody will wait for the end.
  func detach() { pthread_detach(handle) }

  /// Waits for the thread's end. Call once, and only when it is about to end.
  func join() { pthread_join(handle, nil) }
}
