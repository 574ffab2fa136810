import HyperModel
import Synchronization

/// A directory that tests write to.
final class MemoryDirectory: DirectoryReader {
  private struct State {
    var snapshot = DirectorySnapshot.empty
    var readers: [AsyncStream<DirectorySnapshot>.Continuation] = []
  }

  private let state = Mutex(State())

  var current: DirectorySnapshot { state.withLock { $0.snapshot } }

  func updates() -> AsyncStream<DirectorySnapshot> {
    let (stream, continuation) = AsyncStream<DirectorySnapshot>.makeStream(bufferingPolicy: .bufferingNewest(1))
    state.withLock { state in
      state.readers.append(continuation)
      continuation.yield(state.snapshot)
    }
    return stream
  }

  func change(_ body: (inout [OperatorName: DirectoryEntry]) -> Void) {
    state.withLock { state in
      var entries = state.snapshot.entries
      body(&entries)
      state.snapshot = DirectorySnapshot(version: state.snapshot.version + 1, entries: entries)
      for reader in state.readers { reader.yield(state.snapshot) }
    }
  }
}

extension DirectoryEntry {
  /// An entry with everything a test needs: `callers` is the group that may call `method`.
  static func test(
    _ name: OperatorName, pins: [String] = [], groups: [String] = [], channels: [DirectoryEntry.Channel] = [], callers: String? = nil
  ) -> DirectoryEntry {
    var entry = DirectoryEntry(name: name)
    entry.groups = groups
    entry.channels = channels
    entry.certificates = pins.map { .init(fingerprint: $0, keyUsage: "encryption") }
    if let callers {
      entry.services = [.init(name: "test", permissions: [.init(group: callers, rights: ["call"])], methods: [.init(name: "method")])]
    }
    return entry
  }
}

extension DirectoryEntry.Channel {
  static func server(_ address: String, isInternal: Bool = false, proxy: String = "") -> DirectoryEntry.Channel {
    var settings: [String: JSONValue] = ["address": .string(address)]
    if isInternal { settings["internal"] = true }
    if !proxy.isEmpty { settings["proxy"] = .string(proxy) }
    return .init(type: "grpc_server", settings: settings)
  }

  static let client = DirectoryEntry.Channel(type: "grpc_client")
}
