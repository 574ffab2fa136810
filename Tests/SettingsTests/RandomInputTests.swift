import Testing

@testable import Settings

/// Settings are written by people, with editors that crash and shells that mangle: no text may bring the loader down.
@Suite struct RandomInputTests {
  static let seed = """
    vars: {v: {type: int, source: env, variable: E, default: 5}}
    name: &n "a $v $DIR"
    other: *n
    list: [1, {$ref: name}, ~, 'x', "\\u00e9"]
    map!:
      <<: {p: 1}
      q: |
        text
    """

  @Test(arguments: 0..<8)
  func damagedYAMLIsAValueOrAFailure(round: UInt64) throws {
    var random = SplitMix(state: round)
    for _ in 0..<50 {
      let text = Self.damaged(Self.seed, &random)
      _ = try? readYAML(text, file: "x")
      let folder = try Folder(["a.yml": text])
      // Loading either gives a map or says where the problem is.
      do throws(SettingsFailure) {
        #expect(try folder.load().root.members != nil)
      } catch {
        #expect(!error.problems.isEmpty)
      }
    }
  }

  @Test(arguments: 0..<8)
  func damagedJSONIsAValueOrAFailure(round: UInt64) throws {
    var random = SplitMix(state: round)
    for _ in 0..<500 {
      _ = try? readJSON(
        Self.damaged(#"{"a": [1, -2.5e3, "\u00fc\uD83D\uDE00", {"b": null, "c": [true, false]}], "d": ""}"#, &random), file: "x")
    }
  }

  static func damaged(_ text: String, _ random: inout SplitMix) -> String {
    var scalars = Array(text.unicodeScalars)
    let alphabet = Array("{}[]:,-&*!|>'\"%@`$#?~< \n\t\\0aé\u{1F600}".unicodeScalars)
    for _ in 0...Int.random(in: 0..<4, using: &random) {
      let index = Int.random(in: 0..<scalars.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: scalars.remove(at: index)
      case 1: scalars.insert(alphabet.randomElement(using: &random) ?? "x", at: index)
      case 2: scalars[index] = alphabet.randomElement(using: &random) ?? "x"
      default: scalars.swapAt(index, Int.random(in: 0..<scalars.count, using: &random))
      }
      if scalars.isEmpty { break }
    }
    var damaged = ""
    damaged.unicodeScalars.append(contentsOf: scalars)
    return damaged
  }
}

/// A generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
