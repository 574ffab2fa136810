import CLinux
import ServiceLifecycle

/// Keeps the memory of the process near what it uses: left alone, glibc's heap keeps what a burst of clients once took, once for each of the
/// threads that were busy then.
enum Heap {
  /// glibc makes up to eight arenas per core, each with free memory of its own that the others cannot use. Two: threads that allocate rarely
  /// do not wait for each other, and nothing is kept twice.
  static let arenas: Int32 = 2

  /// To be called before the first thread allocates.
  static func limitArenas() { hyper_limit_heap_arenas(arenas) }

  /// Gives the system every free page. Takes about a millisecond per 10 MB that are in many pieces.
  static func trim() { hyper_trim_heap() }
}

/// Gives back, now and then, what nobody uses any more.
struct HeapUpkeep: Service {
  /// Long enough to cost nothing, short enough that memory is back half a minute after a burst.
  static let interval: Duration = .seconds(20)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while (try? await Task.sleep(for: Self.interval)) != nil { Heap.trim() }
    }
  }
}
