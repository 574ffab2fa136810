import Foundation
import Testing

@testable import Datastore

/// The chunks of the existing file format.
@Suite struct ChunkFormatTests {
  private let id = (0x10...0x1F).map { UInt8($0) }

  /// WIRE.md 6: one entry in one chunk, as an existing proxy has written it.
  @Test func aSmallEntryIsOneChunk() throws {
    let data = Array(#"{"expires_at":null,"operator":"op","domain":"a.b.c"}"#.utf8)
    let entry = DataEntry(type: 1, id: (0...15).map { UInt8($0) }, data: data)
    let bytes = ChunkFormat.chunks(of: entry.bytes, id: id)
    #expect(Array(bytes.prefix(25)) == [1, 1, 0, 0, 0, 16, 0] + id + [72, 0])
    #expect(Array(bytes.dropFirst(25)) == [1, 1, 16, 0] + entry.id + data)
    #expect(try ChunkFormat.read(bytes) == .init(entries: [entry.bytes], length: bytes.count))
    #expect(DataEntry(bytes: entry.bytes) == entry)
  }

  @Test(arguments: [0, 1, 230, 231, 232, 520, 100_000]) func entriesOfEverySizeComeBack(size: Int) throws {
    let entry = (0..<size).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let bytes = ChunkFormat.chunks(of: entry, id: id)
    #expect(bytes.count == size + max(1, (size + 230) / 231) * 25)
    #expect(try ChunkFormat.read(bytes).entries == [entry])
  }

  @Test func aFileThatEndsAnywhereGivesTheCompleteEntries() throws {
    let entries = [[UInt8](repeating: 1, count: 10), [UInt8](repeating: 2, count: 500), [UInt8](repeating: 3, count: 20)]
    let pieces = entries.enumerated().map { ChunkFormat.chunks(of: $1, id: [UInt8(truncatingIfNeeded: $0)]) }
    let whole = pieces.flatMap { $0 }
    var ends = pieces.map(\.count)
    for index in ends.indices.dropFirst() { ends[index] += ends[index - 1] }
    for length in 0...whole.count {
      let reading = try ChunkFormat.read(Array(whole.prefix(length)))
      #expect(reading.entries == Array(entries.prefix(ends.count { $0 <= length })))
      #expect(reading.length <= length)
    }
    // A disk that lost its power may have kept the length of a file and not what was in it.
    let zeros = try ChunkFormat.read(whole + [UInt8](repeating: 0, count: 300))
    #expect(zeros == .init(entries: entries, length: whole.count))
  }

  @Test func chunksOfSeveralWritersMayInterleave() throws {
    let first = [UInt8](repeating: 1, count: 300)
    let second = [UInt8](repeating: 2, count: 300)
    let (a, b) = (ChunkFormat.chunks(of: first, id: [1]), ChunkFormat.chunks(of: second, id: [2]))
    let bytes = Array(a.prefix(241)) + b.prefix(241) + b.dropFirst(241) + a.dropFirst(241)
    #expect(try ChunkFormat.read(bytes).entries == [first, second])
  }

  @Test(arguments: [0, 241]) func whatIsNoChunkIsDamage(offset: Int) throws {
    var bytes = ChunkFormat.chunks(of: [UInt8](repeating: 1, count: 300), id: [1])
    bytes[offset] = 9
    #expect(throws: ChunkFormat.Damage.self) { try ChunkFormat.read(bytes) }
  }

  @Test func chunksOutOfOrderAreDamage() throws {
    let bytes = ChunkFormat.chunks(of: [UInt8](repeating: 1, count: 300), id: [1])
    #expect(throws: ChunkFormat.Damage.self) { try ChunkFormat.read(Array(bytes.dropFirst(241)) + bytes.prefix(241)) }
  }

  @Test func randomBytesNeverTrap() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<3000 {
      var bytes = ChunkFormat.chunks(of: [UInt8](repeating: 5, count: .random(in: 0..<600, using: &generator)), id: id)
      for _ in 0..<Int.random(in: 0..<6, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: .min ... .max, using: &generator)
      }
      _ = try? ChunkFormat.read(Array(bytes.dropLast(.random(in: 0..<bytes.count, using: &generator))))
    }
  }
}
