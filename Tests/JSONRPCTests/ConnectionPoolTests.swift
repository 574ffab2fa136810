import Testing

@testable import JSONRPC

@Suite struct ConnectionPoolTests {
  @Test func connectionsAreOpenedUpToTheLimitAndThenCallsWaitInOrder() {
    var pool = ConnectionPool<Int>(connectionLimit: 2, dialLimit: 2, waitingLimit: 2)
    #expect(pool.take() == .dial)
    #expect(pool.take() == .dial)
    #expect(pool.take() == .wait(1))
    #expect(pool.take() == .wait(2))
    #expect(pool.take() == .refuse)
    #expect(pool.opened(10) == .nothing)
    #expect(pool.opened(11) == .nothing)
    #expect(pool.returned(11) == .use(11, 1))
    #expect(pool.returned(10) == .use(10, 2))
    #expect(pool.returned(10) == .nothing)
    #expect(pool.openCount == 2)
  }

  @Test func fewAreOpenedAtOneTimeAndWhoeverWaitsTakesWhatIsFreeFirst() {
    var pool = ConnectionPool<Int>(connectionLimit: 4, dialLimit: 1, waitingLimit: 8)
    #expect(pool.take() == .dial)
    for ticket in UInt64(1)...4 { #expect(pool.take() == .wait(ticket)) }
    #expect(pool.opened(10) == .dial(1))
    #expect(pool.returned(10) == .use(10, 2))
    #expect(pool.dialFailed() == .dial(3))
    #expect(pool.opened(11) == .dial(4))
    #expect(pool.opened(12) == .nothing)
    #expect(pool.take() == .dial)
    #expect(pool.openCount == 4)
  }

  @Test func theLastIdleConnectionIsUsedFirst() {
    var pool = ConnectionPool<Int>(connectionLimit: 2, dialLimit: 2, waitingLimit: 0)
    _ = pool.take()
    _ = pool.take()
    #expect(pool.opened(1) == .nothing)
    #expect(pool.opened(2) == .nothing)
    _ = pool.returned(1)
    _ = pool.returned(2)
    #expect(pool.take() == .use(2))
    #expect(pool.take() == .use(1))
  }

  @Test func aFailedDialGivesItsPlaceToTheNextCall() {
    var pool = ConnectionPool<Int>(connectionLimit: 1, dialLimit: 1, waitingLimit: 2)
    #expect(pool.take() == .dial)
    #expect(pool.take() == .wait(1))
    #expect(pool.dialFailed() == .dial(1))
    #expect(pool.dialFailed() == .nothing)
    #expect(pool.openCount == 0)
  }

  @Test func aClosedConnectionGivesItsPlaceToTheNextCallOnce() {
    var pool = ConnectionPool<Int>(connectionLimit: 1, dialLimit: 1, waitingLimit: 2)
    _ = pool.take()
    #expect(pool.opened(1) == .nothing)
    #expect(pool.take() == .wait(1))
    #expect(pool.closed(1) == .dial(1))
    #expect(pool.closed(1) == .nothing)
    #expect(pool.returned(1) == .nothing)
    #expect(pool.openCount == 1)
  }

  @Test func anIdleConnectionThatClosesIsNotUsedAgain() {
    var pool = ConnectionPool<Int>(connectionLimit: 1, dialLimit: 1, waitingLimit: 0)
    _ = pool.take()
    #expect(pool.opened(1) == .nothing)
    _ = pool.returned(1)
    #expect(pool.closed(1) == .nothing)
    #expect(pool.take() == .dial)
  }

  @Test func aCallThatGaveUpIsPassedOver() {
    var pool = ConnectionPool<Int>(connectionLimit: 1, dialLimit: 1, waitingLimit: 2)
    _ = pool.take()
    #expect(pool.opened(1) == .nothing)
    #expect(pool.take() == .wait(1))
    #expect(pool.take() == .wait(2))
    #expect(pool.gaveUp(1) == true)
    #expect(pool.gaveUp(1) == false)
    #expect(pool.returned(1) == .use(1, 2))
    #expect(pool.gaveUp(2) == false)
  }
}
