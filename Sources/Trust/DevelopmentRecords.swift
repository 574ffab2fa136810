import HyperModel

import struct Foundation.Date

/// The directory records that pin the development certificates (PROTOCOL.md 8.1, 16).
enum DevelopmentRecords {
  /// A certificate's fingerprint and the time from which it is valid.
  struct Pinned: Hashable {
    var fingerprint: Fingerprint
    var since: Date
  }

  /// Writes the file when its content would change; returns whether it did.
  static func write(_ pinned: [DevelopmentRoster.Entry: Pinned], to path: String) throws(TrustError) -> Bool {
    let content = text(pinned)
    // A file that cannot be read is one that has to be written; if that is impossible too, writing says so.
    if let present = try? SmallFile.read(path, what: "records file"), present == Array(content.utf8) { return false }
    if let slash = path.lastIndex(of: "/") { try SmallFile.makeFolder(String(path[..<slash])) }
    try SmallFile.write(content, to: path, mode: SmallFile.readable)
    return true
  }

  /// The same certificates always give the same text: `created_at` is the time from which the later of the two is valid.
  static func text(_ pinned: [DevelopmentRoster.Entry: Pinned]) -> String {
    let records = DevelopmentRoster.operators.compactMap { name -> String? in
      guard let encryption = pinned[.init(operatorName: name, role: .encryption)],
        let signing = pinned[.init(operatorName: name, role: .signing)]
      else { return nil }
      let record: JSONValue = [
        "name": .string(name), "section": "certificates", "created_at": .string(timestamp(max(encryption.since, signing.since))),
        "data": [
          ["fingerprint": .string(signing.fingerprint.hex), "key_usage": "signing"],
          ["fingerprint": .string(encryption.fingerprint.hex), "key_usage": "encryption"],
        ],
      ]
      return record.text
    }
    return "{\"records\":[\n" + records.joined(separator: ",\n") + "\n]}\n"
  }
}
