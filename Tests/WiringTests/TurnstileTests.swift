import Synchronization
import Testing
import Wiring

/// How many are inside now, and how many there ever were at once. Protected by its mutex.
private final class Counts: Sendable {
  private let state = Mutex((inside: 0, most: 0))

  var most: Int { state.withLock { $0.most } }

  func enter() {
    state.withLock { state in
      state.inside += 1
      state.most = max(state.most, state.inside)
    }
  }

  func leave() { state.withLock { $0.inside -= 1 } }
}

@Suite struct TurnstileTests {
  @Test func oneAtATimeGoesThrough() async {
    let turnstile = Turnstile()
    let counts = Counts()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<100 {
        group.addTask {
          await turnstile.pass {
            counts.enter()
            await Task.yield()
            counts.leave()
          }
        }
      }
    }
    #expect(counts.most == 1)
  }

  @Test func whoeverThrowsLetsTheNextOneThrough() async {
    struct Refused: Error {}
    let turnstile = Turnstile()
    await #expect(throws: Refused.self) { try await turnstile.pass { throw Refused() } }
    #expect(await turnstile.pass { 5 } == 5)
  }
}
