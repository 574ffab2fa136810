import NIOCore
import NIOPosix

/// The threads of a program's control plane.
public enum ControlThreads {
  /// Makes NIO's event loops the threads that tasks run on as well, one loop for two cores. To be called once, before anything else of NIO is used.
  ///
  /// A call passes from an event loop to a task and back several times in each program. With two kinds of threads each of these is a wake-up of
  /// a sleeping thread; with one kind none is. The price: a task that blocks or computes for long holds up the sockets of its loop as well; what
  /// blocks (SQLite, resolving names) has threads of its own.
  ///
  /// NIO calls this unsafe because it sets a hook of the Swift runtime that is not part of any interface. Where the hook cannot be found nothing
  /// changes but the speed.
  public static func unite() {
    NIOSingletons.groupLoopCountSuggestion = max(1, System.coreCount / 2)
    NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
  }
}
