import CLinux
import Glibc
import Synchronization
import Testing

@testable import Relay

struct SmallPartsTests {
  @Test func eventKeysKeepTheirPartsApart() {
    for slot in [UInt32(0), 1, 12_345, EventKey.maxSlots - 1] {
      for generation in [UInt32(0), 1, .max] {
        for end in End.allCases {
          let key = EventKey(EventKey(slot: slot, generation: generation, end: end).raw)
          #expect(key.slot == slot && key.generation == generation && key.end == end && key.listener == nil)
        }
      }
    }
    for slot in [UInt32(0), EventKey.maxSlots - 1] {
      let key = EventKey(EventKey(attempt: .max, slot: slot, end: .upstream).raw)
      #expect(key.slot >= EventKey.maxSlots && key.listener == nil && key.end == .upstream)
      #expect(key.attempt?.number == .max && key.attempt?.slot == slot)
      #expect(EventKey(slot: slot, generation: .max, end: .upstream).attempt == nil)
    }
    #expect(EventKey(listener: 3).attempt == nil && EventKey(EventKey.wake).attempt == nil)
    #expect(EventKey(EventKey(listener: 3).raw).listener == 3)
    #expect(EventKey(EventKey.wake).listener == nil)
    #expect(EventKey(EventKey.wake).slot >= EventKey.maxSlots)
  }

  @Test func noticesAreThinnedOutAndCounted() {
    var limiter = NoticeLimiter()
    #expect(limiter.occurred(.limitReached(.streams), now: 0, interval: 100) == 1)
    #expect(limiter.occurred(.limitReached(.streams), now: 1, interval: 100) == nil)
    #expect(limiter.occurred(.acceptFailed, now: 1, interval: 100) == 1)
    #expect(limiter.occurred(.limitReached(.sourceRate), now: 1, interval: 100) == 1)
    #expect(limiter.occurred(.limitReached(.streams), now: 99, interval: 100) == nil)
    #expect(limiter.occurred(.limitReached(.streams), now: 100, interval: 100) == 3)
  }

  @Test func refusalsAreToldSoManyTimesPerSecondAndCause() {
    var reports = RefusalReports(limit: 2)
    #expect([0, 1, 2, 999].map { reports.admit(.unknownName, now: $0) } == [0, 0, nil, nil])
    #expect(reports.admit(.notTLS, now: 999) == 0)
    #expect([1000, 1500, 1999].map { reports.admit(.unknownName, now: $0) } == [2, 0, nil])
    #expect(reports.admit(.unknownName, now: 60_000) == 1)
    var none = RefusalReports(limit: 0)
    #expect(none.admit(.unknownName, now: 5000) == nil)
  }

  @Test func causesAndLimitsHaveTheirPlacesInTables() {
    #expect(EndCause.allCases.map { Int($0.rawValue) } == Array(EndCause.allCases.indices))
    #expect(RelayLimit.allCases.map { Int($0.rawValue) } == Array(RelayLimit.allCases.indices))
  }

  @Test func addressesAreRememberedForAMoment() throws {
    var cache = AddressCache()
    let target = DialTarget.host("a.example", port: 1)
    let found = try SocketAddress.look(up: "192.0.2.1", port: 1, .numeric).get()
    #expect(cache.addresses(of: target, now: 0) == nil)
    cache.remember(found, of: target, now: 10)
    #expect(cache.addresses(of: target, now: 10 + AddressCache.lifetime - 1)?.count == 1)
    #expect(cache.addresses(of: target, now: 10 + AddressCache.lifetime) == nil)
    #expect(cache.addresses(of: .host("a.example", port: 2), now: 10) == nil)
    for number in 0...AddressCache.limit { cache.remember(found, of: .host("x\(number)", port: 1), now: 10) }
    #expect(cache.addresses(of: target, now: 10) == nil)
  }

  @Test(arguments: [
    ("192.0.2.7", 52_011, "192.0.2.7:52011"), ("2001:db8::1", 443, "[2001:db8::1]:443"), ("::ffff:192.0.2.7", 1, "192.0.2.7:1"),
  ])
  func addressesReadAsPeopleWriteThem(host: String, port: Int, text: String) throws {
    #expect(try SocketAddress.look(up: host, port: port, .numeric).get().first?.text == text)
  }

  @Test func aFullMailboxRefusesAndDisposes() throws {
    let mailbox = try #require(Mailbox(limit: 1))
    let stream = StreamID(loop: 0, serial: 1)
    #expect(mailbox.post(.cancel(stream)))
    var ends: [Int32] = [0, 0]
    #expect(hyper_pipe(&ends) == 0)
    let token = try #require(Token(bytes: [UInt8](repeating: 0, count: 32)))
    #expect(!mailbox.post(.present(descriptor: ends[1], token)))
    // The writing end was closed: reading says so.
    var byte: UInt8 = 0
    #expect(read(ends[0], &byte, 1) == 0)
    close(ends[0])
    var orders: [Order] = []
    mailbox.take(into: &orders)
    #expect(orders.count == 1)
    #expect(mailbox.post(.cancel(stream)))
    #expect(mailbox.close().isEmpty)
    #expect(!mailbox.post(.cancel(stream)))
  }

  /// Whoever ordered a stream hears of its end, also when its loop ends first.
  @Test func aMailboxThatClosesNamesTheStreamsThatWereOrdered() throws {
    let mailbox = try #require(Mailbox(limit: 8))
    let stream = StreamID(loop: 0, serial: 1)
    let token = try #require(Token(bytes: [UInt8](repeating: 0, count: 32)))
    let target = DialTarget.unix(path: "/none")
    #expect(mailbox.post(.join(stream, token, tokenPort: target, .byHello(serverName: "a.example"))))
    #expect(mailbox.post(.cancel(stream)))
    #expect(mailbox.close() == [stream])
  }

  /// A loop that is behind must hear that it is to end.
  @Test func ordersAboutTheLoopFindRoomInAFullMailbox() throws {
    let mailbox = try #require(Mailbox(limit: 1))
    #expect(mailbox.post(.cancel(StreamID(loop: 0, serial: 1))))
    #expect(!mailbox.post(.cancel(StreamID(loop: 0, serial: 2))))
    #expect(mailbox.post(.drain(milliseconds: 0)))
    _ = mailbox.close()
    #expect(!mailbox.post(.drain(milliseconds: 0)))
  }

  @Test func manyWhoAskForOneNameAreAnsweredTogether() async throws {
    let resolver = Resolver()
    let (answers, answer) = AsyncStream<Int>.makeStream()
    for _ in 0..<Resolver.maxAskingForOne {
      let isAsked = resolver.resolve(host: "localhost", port: 5) { result in answer.yield((try? result.get().count) ?? 0) }
      #expect(isAsked)
    }
    var count = 0
    for await addresses in answers {
      #expect(addresses >= 1)
      count += 1
      if count == Resolver.maxAskingForOne { break }
    }
    resolver.close()
  }

  @Test func theResolverAnswersInItsOwnTime() async throws {
    let resolver = Resolver()
    let count = try await withCheckedThrowingContinuation { continuation in
      let isQueued = resolver.resolve(host: "localhost", port: 5) { result in
        continuation.resume(with: result.map(\.count).mapError { $0 as any Error })
      }
      if !isQueued { continuation.resume(throwing: TimedOut(description: "not queued")) }
    }
    #expect(count >= 1)
    resolver.close()
    #expect(!resolver.resolve(host: "localhost", port: 5) { _ in })
  }

  @Test func streamNamesAreShort() {
    #expect(StreamID(loop: 1, slot: 17, generation: 3).description == "1-17-3")
    #expect(StreamID(loop: 0, serial: 42).description == "0-j42")
  }

  @Test func durationsAreRoundedUpToMilliseconds() {
    #expect(Duration.seconds(5).milliseconds == 5000)
    #expect(Duration.microseconds(1).milliseconds == 1)
    #expect(Duration.zero.milliseconds == 0)
    #expect(Duration.seconds(-1).milliseconds == 0)
  }

  @Test func everyCauseHasAFault() {
    #expect(EndCause.finished.fault == .none)
    #expect(EndCause.upstreamUnreachable.fault == .upstream)
    #expect(Set(EndCause.allCases.map(\.rawValue)).count == EndCause.allCases.count)
  }

  @Test func aSlotIsSmall() {
    // With its timer (16 bytes) an idle stream costs less than 400 bytes, name and all.
    #expect(MemoryLayout<StreamSlot>.stride <= 256)
  }
}
