import Foundation

/// The sockets on which a process listens, as the kernel tells it in /proc.
struct ListeningSockets: Equatable {
  var tcp: Set<Int> = []
  /// Paths as they were bound: relative ones stay relative.
  var unix: Set<String> = []

  init(of process: Int32) throws {
    let inodes = try Self.sockets(of: process)
    for file in ["tcp", "tcp6"] {
      for fields in try Self.rows("/proc/\(process)/net/\(file)") where fields.count > 9 && fields[3] == "0A" && inodes.contains(fields[9])
      {
        if let digits = fields[1].split(separator: ":").last, let port = Int(digits, radix: 16) { tcp.insert(port) }
      }
    }
    // Flags 00010000 mark a socket that takes connections.
    for fields in try Self.rows("/proc/\(process)/net/unix") where fields.count > 7 && fields[3] == "00010000" && inodes.contains(fields[6])
    {
      unix.insert(fields[7])
    }
  }

  private static func sockets(of process: Int32) throws -> Set<String> {
    let folder = "/proc/\(process)/fd"
    return Set(
      try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { number in
        // A descriptor may be closed between the listing and this.
        guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(number)"), target.hasPrefix("socket:[")
        else { return nil }
        return String(target.dropFirst("socket:[".count).dropLast())
      })
  }

  /// The columns of every row below the heading.
  private static func rows(_ path: String) throws -> [[String]] {
    guard let file = FileHandle(forReadingAtPath: path), let data = try file.readToEnd() else { return [] }
    return String(decoding: data, as: UTF8.self).split(separator: "\n").dropFirst().map { row in
      row.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
    }
  }
}
