import Logging
import Relay
import ServiceLifecycle
import Wiring

/// Follows what the relay reports about the legs: tells whoever ordered one how it went, and logs how they ended.
///
/// Owns the engine's life: drains and stops it on graceful shutdown.
struct LegStreams: Service {
  let engine: RelayEngine
  let joins: JoinOutcomes
  let drainLimit: Duration
  let streamLog: StreamLog
  let logger: Logger

  func run() async throws {
    await withDiscardingTaskGroup { group in
      group.addTask { await EngineStart.stop(engine, drainLimit: drainLimit, logger: logger) }
      for await event in engine.events {
        switch event {
        case .joined(let stream): joins.report(.joined, of: stream)
        case .dialFailed(let stream, let side, let message): joins.report(.failed(side, message), of: stream)
        case .ended(let summary):
          joins.ended(summary)
          streamLog.ended(summary)
        case .notice(let notice): streamLog.notice(notice)
        case .helloArrived: break  // the private side reads no hellos
        }
      }
    }
  }
}
