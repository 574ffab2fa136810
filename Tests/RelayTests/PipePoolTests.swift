import Glibc
import Testing

@testable import Relay

/// A pool that expectations can look at: their macros want to copy what they name.
private final class Rack {
  private var pool: PipePool

  init(limit: Int, size: Int, open: @escaping @Sendable (Int) -> Pipe? = Pipe.open) {
    pool = PipePool(limit: limit, size: size, open: open)
  }

  var count: Int { pool.count }
  var borrowed: Int { pool.borrowed }
  var isScarce: Bool { pool.isScarce }
  subscript(number: PipePool.Number) -> Pipe? { pool[number] }
  func borrow() -> PipePool.Number? { pool.borrow() }
  func giveBack(_ number: PipePool.Number) { pool.giveBack(number) }
  func discard(_ number: PipePool.Number) { pool.discard(number) }
  func trim() { pool.trim() }
  func closeIdle() { pool.closeIdle() }
}

struct PipePoolTests {
  @Test func aPipeHasTheSizeThatWasAskedForOrSaysWhatItGot() throws {
    let pipe = try #require(Pipe.open(256 << 10))
    defer { pipe.close() }
    #expect(pipe.capacity >= Pipe.smallest && pipe.capacity <= 256 << 10)
    // Above what anybody may have: the size in force counts.
    let modest = try #require(Pipe.open(.max))
    defer { modest.close() }
    #expect(modest.capacity >= Pipe.smallest && modest.capacity < 1 << 31)
  }

  @Test func theLastOneBackIsTheFirstOneLent() throws {
    let pool = Rack(limit: 4, size: Pipe.smallest)
    let first = try #require(pool.borrow())
    let second = try #require(pool.borrow())
    #expect(first != second)
    pool.giveBack(first)
    pool.giveBack(second)
    #expect(pool.borrow() == second)
    #expect(pool.borrow() == first)
    #expect(pool.count == 2 && pool.borrowed == 2)
  }

  @Test func thereAreNeverMoreThanTheLimit() throws {
    let pool = Rack(limit: 2, size: Pipe.smallest)
    let first = try #require(pool.borrow())
    _ = try #require(pool.borrow())
    #expect(pool.borrow() == nil)
    pool.discard(first)
    #expect(pool.count == 1)
    #expect(pool.borrow() != nil)
    #expect(pool.borrow() == nil)
    let none = Rack(limit: 0, size: Pipe.smallest)
    #expect(none.borrow() == nil)
  }

  @Test func aRefusalIsNoPipeAndNoLoss() {
    let pool = Rack(limit: 2, size: Pipe.smallest, open: { _ in nil })
    #expect(pool.borrow() == nil)
    #expect(pool.count == 0)
    #expect(pool[.none] == nil)
    pool.giveBack(.none)
    pool.discard(.none)
    #expect(pool.count == 0)
  }

  @Test func aDiscardedPipeIsClosedAndItsBytesAreGone() throws {
    let watch = PipeWatch()
    let pool = Rack(limit: 2, size: Pipe.smallest, open: watch.open)
    let number = try #require(pool.borrow())
    let pipe = try #require(pool[number])
    #expect(Glibc.write(pipe.writeEnd, "rest", 4) == 4)
    pool.discard(number)
    #expect(pool[number] == nil)
    #expect(watch.stillOpen == 0)
    let next = try #require(pool.borrow().flatMap { pool[$0] })
    var byte: UInt8 = 0
    #expect(Glibc.read(next.readEnd, &byte, 1) == -1 && errno == EAGAIN)
  }

  @Test func theLastQuarterIsScarce() throws {
    let pool = Rack(limit: 8, size: Pipe.smallest)
    var lent: [PipePool.Number] = []
    for _ in 0..<6 { lent.append(try #require(pool.borrow())) }
    #expect(!pool.isScarce)
    lent.append(try #require(pool.borrow()))
    #expect(pool.isScarce)
    pool.giveBack(lent[0])
    #expect(!pool.isScarce)
    let single = Rack(limit: 1, size: Pipe.smallest)
    #expect(single.borrow() != nil)
    #expect(single.isScarce)
  }

  @Test func whatNobodyNeededSinceTheLastTrimIsClosed() throws {
    let watch = PipeWatch()
    let pool = Rack(limit: 8, size: Pipe.smallest, open: watch.open)
    let lent = try (0..<4).map { _ in try #require(pool.borrow()) }
    for number in lent { pool.giveBack(number) }
    pool.trim()
    #expect(pool.count == 4, "all four were in use since")
    let again = try #require(pool.borrow())
    pool.giveBack(again)
    pool.trim()
    #expect(pool.count == 1)
    #expect(watch.stillOpen == 1)
    let kept = try #require(pool.borrow())
    pool.trim()
    #expect(pool.count == 1 && pool[kept] != nil, "a lent one is never closed")
    pool.giveBack(kept)
    pool.closeIdle()
    #expect(pool.count == 0 && watch.stillOpen == 0)
  }

  @Test func aPoolClosesItsPipesWhenItGoes() throws {
    let watch = PipeWatch()
    do {
      let pool = Rack(limit: 3, size: Pipe.smallest, open: watch.open)
      let first = try #require(pool.borrow())
      _ = try #require(pool.borrow())
      pool.giveBack(first)
      #expect(watch.stillOpen == 2)
    }
    #expect(watch.stillOpen == 0)
  }
}
