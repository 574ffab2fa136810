import HyperModel
import SwiftProtobuf
import Testing

@testable import HyperGRPC

/// Bytes computed with the deployed node's own code.
@Suite struct MessageCodecTests {
  private let codec = MessageCodec(sizeLimit: 4 * 1024 * 1024)

  private static func bytes(_ hex: String) -> WireMessage {
    let digits = Array(hex.utf8)
    return WireMessage(
      bytes: stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) })
  }

  private static let responses: [(hex: String, response: CallResponse)] = [
    ("0a013112100a0e0a046e616d6512061a0468642d31", CallResponse(id: "1", outcome: .result(["name": "hd-1"]))),
    ("0a06612e622831291200", CallResponse(id: "a.b(1)", outcome: .result([:]))),
    ("0a06612e62283129120d0a0b0a015f120632040a020800", CallResponse(id: "a.b(1)", outcome: .result([nil]))),
    ("0a06612e622831291a0e089cffffffffffffffff01120178", CallResponse(id: "a.b(1)", outcome: .fault(CallFault(code: -100, message: "x")))),
    (
      "0a06612e622831291a1208930312026e6f1a090a070a016b12022001",
      CallResponse(id: "a.b(1)", outcome: .fault(CallFault(code: 403, message: "no", data: ["k": true])))
    ),
  ]

  @Test(arguments: responses) func responsesAreTheBytesOfADeployedNode(_ vector: (hex: String, response: CallResponse)) throws {
    #expect(try codec.encode(vector.response) == Self.bytes(vector.hex))
    let decoded = try codec.response(Self.bytes(vector.hex))
    #expect(decoded == vector.response)
  }

  /// A deployed node answers `_connectionRequest` so; its caller gets an empty object.
  @Test func noResultIsNothingOnTheWireAndAnEmptyObjectForWhoAsked() throws {
    let wire = Self.bytes("0a06612e62283129")
    #expect(try codec.encode(CallResponse(id: "a.b(1)", outcome: .result(nil))) == wire)
    #expect(try codec.response(wire) == CallResponse(id: "a.b(1)", outcome: .result([:])))
  }

  @Test func aRequestIsTheBytesOfADeployedNode() throws {
    let wire = Self.bytes("0a0a68642d322e5f70696e6712100a0e0a0161120911000000000000f03f1a0d68642d322e5f70696e67283129220468642d31")
    let request = CallRequest(id: "hd-2._ping(1)", method: "hd-2._ping", params: ["a": 1])
    #expect(try codec.encode(request, clientName: "hd-1") == wire)
    #expect(try codec.request(wire) == MessageCodec.IncomingRequest(request: request, clientName: "hd-1"))
  }

  @Test func emptyValuesKeepTheirKind() throws {
    let wire = Self.bytes(
      "0a03612e62123d0a070a016512021a000a070a0166120220000a070a016c120232000a070a016d12022a000a070a016e120208000a0e0a017a12091100000000000000001a06612e62283129220163"
    )
    let params: [String: JSONValue] = ["e": "", "f": false, "l": [], "m": [:], "n": nil, "z": 0]
    let request = CallRequest(id: "a.b(1)", method: "a.b", params: params)
    #expect(try codec.request(wire) == MessageCodec.IncomingRequest(request: request, clientName: "c"))
    let again = try codec.request(try codec.encode(request, clientName: "c"))
    #expect(again.request == request)
  }

  @Test func absentParamsAreAnEmptyMap() throws {
    let wire = try codec.encode(CallRequest(id: "a.b(1)", method: "a.b", params: nil), clientName: "c")
    #expect(try codec.request(wire).request.params == [:])
  }

  @Test(arguments: [
    (JSONValue.integer(5), JSONValue.integer(5)), (5.0, 5), (-0.0, 0), (1.5, 1.5), (9_007_199_254_740_992, 9_007_199_254_740_992),
    (.number(1e300), .number(1e300)), (.number(.nan), .null), (.number(.infinity), .null),
    (.integer(.max), .number(9_223_372_036_854_775_808)),
  ])
  func numbersTravelAsDoubles(_ sent: JSONValue, _ received: JSONValue) throws {
    let request = CallRequest(id: "a.b(1)", method: "a.b", params: ["n": sent])
    #expect(try codec.request(try codec.encode(request, clientName: "c")).request.params == ["n": received])
  }

  @Test(arguments: UInt64(1)...40)
  func writesAndReadsWhatTheGeneratedMessagesDo(seed: UInt64) throws {
    var values = RandomValues(seed: seed)
    let params = values.members(depth: 5)
    let request = CallRequest(id: "a.b(1)", method: "a.b", params: params)

    let written: HXRequest = try codec.encode(request, clientName: "c").decoded()
    #expect(written.id == "a.b(1)" && written.method == "a.b" && written.clientName == "c")
    #expect(written.params.members == params)

    var message = HXRequest()
    (message.id, message.method, message.clientName) = ("a.b(1)", "a.b", "c")
    message.params = Google_Protobuf_Struct(params)
    #expect(try codec.request(WireMessage(message)) == MessageCodec.IncomingRequest(request: request, clientName: "c"))

    for outcome in [CallResponse.Outcome.result(.object(params)), .fault(CallFault(code: -5, message: "m", data: .object(params)))] {
      let response = CallResponse(id: "i", outcome: outcome)
      let written: HXResponse = try codec.encode(response).decoded()
      #expect((written.hasError ? written.error.data : written.result).members == params)
      #expect(try codec.response(WireMessage(written)) == response)
      #expect(try codec.responseID(WireMessage(written)) == "i")
    }
  }

  @Test func everyCutAndEveryFlippedBitIsReadOrRefused() throws {
    let params: [String: JSONValue] = ["a": ["x", nil, true, 1.5, ["k": [:]]], "é": "y"]
    let bytes = try codec.encode(CallRequest(id: "a.b(1)", method: "a.b", params: params), clientName: "c").bytes
    for index in bytes.indices {
      _ = try? codec.request(WireMessage(bytes: Array(bytes[..<index])))
      for bit in 0..<8 {
        var broken = bytes
        broken[index] ^= 1 << bit
        let ours = try? codec.request(WireMessage(bytes: broken))
        let theirs: HXRequest? = try? WireMessage(bytes: broken).decoded()
        guard let ours, let theirs else { continue }
        #expect(ours.request.id == theirs.id && ours.request.method == theirs.method && ours.clientName == theirs.clientName)
        // As text, because a flipped bit can make not-a-number of a number.
        #expect(JSONValue.object(ours.request.params ?? [:]).text == JSONValue.object(theirs.params.members).text)
      }
    }
  }

  @Test func whatTheSenderSaysAboutItselfIsNeverReadAndWhatTheBrokerFoundOutIsSent() throws {
    var entry = DirectoryEntry(name: "own")
    entry.channels = [.init(type: "grpc_client")]
    let client = EncodedClient(ClientParameter(entry: entry))
    let request = CallRequest(id: "a.b(1)", method: "a.b", params: ["x": 1], client: client)
    for _ in 0..<2 {
      let wire = try codec.encode(request, clientName: "own")
      let read: HXRequest = try wire.decoded()
      #expect(read.params.members == ["x": 1, "_client": ["name": "own", "entry": entry.json]])
      #expect(try codec.request(wire).request.params == ["x": 1])
    }
    entry.groups = ["new"]
    let changed = CallRequest(id: "a.b(1)", method: "a.b", params: nil, client: EncodedClient(ClientParameter(entry: entry)))
    let read: HXRequest = try codec.encode(changed, clientName: "own").decoded()
    #expect(read.params.members == ["_client": ["name": "own", "entry": entry.json]])
  }

  @Test(arguments: [JSONValue.string("ok"), [1, "two"], ["plain": true]])
  func aResultThatIsNoObjectIsWrappedOnTheWireAndUnwrappedAtItsEnd(_ result: JSONValue) throws {
    let decoded = try codec.response(try codec.encode(CallResponse(id: "a.b(1)", outcome: .result(result))))
    #expect(decoded.outcome == .result(result))
  }

  @Test func aMessageBeyondTheLimitNamesItsSize() throws {
    let small = MessageCodec(sizeLimit: 64)
    let request = CallRequest(id: "a.b(1)", method: "a.b", params: ["x": .string(String(repeating: "x", count: 100))])
    let failure = #expect(throws: MessageCodec.Failure.self) { try small.encode(request, clientName: "c") }
    #expect(failure?.message == "request a.b(1) has 127 bytes, more than the 64 that a message may have")
  }

  @Test func deepButLegalJSONTravels() throws {
    var value: JSONValue = 1
    for _ in 0..<127 { value = [value] }
    let request = CallRequest(id: "a.b(1)", method: "a.b", params: ["x": value])
    #expect(try codec.request(try codec.encode(request, clientName: "c")).request == request)
  }

  @Test func absurdDepthAndNoiseAreRefused() throws {
    var nested: [UInt8] = []
    for _ in 0..<2000 {
      // ListValue.values and Value.list_value around what there is.
      let list = [0x0a] + Self.varint(nested.count) + nested
      nested = [0x32] + Self.varint(list.count) + list
    }
    let field = [0x0a, 0x01, 0x78, 0x12] + Self.varint(nested.count) + nested
    let entry = [0x0a] + Self.varint(field.count) + field
    let wire = WireMessage(bytes: [0x12] + Self.varint(entry.count) + entry)
    #expect(throws: MessageCodec.Failure.self) { try codec.request(wire) }
    #expect(throws: MessageCodec.Failure.self) { try codec.response(WireMessage(bytes: [0xff, 0xff, 0xff])) }
    // A string that is not UTF-8 (protobuf: proto3 strings are).
    #expect(throws: MessageCodec.Failure.self) { try codec.response(WireMessage(bytes: [0x0a, 0x02, 0xc3, 0x28])) }
  }

  private static func varint(_ number: Int) -> [UInt8] {
    var (rest, bytes) = (number, [UInt8]())
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  @Test func peerTextInMessagesIsShortAndPrintable() {
    #expect(shortened("a\nb") == #"a\nb"#)
    #expect(shortened(String(repeating: "x", count: 500)).count == 121)
  }
}

/// Random JSON that protobuf can carry as it is.
private struct RandomValues {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 }

  private mutating func below(_ bound: UInt64) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % bound)
  }

  mutating func members(depth: Int) -> [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    for _ in 0..<below(5) { members[text()] = value(depth: depth - 1) }
    return members
  }

  private mutating func value(depth: Int) -> JSONValue {
    switch below(depth > 0 ? 7 : 5) {
    case 0: .null
    case 1: .bool(below(2) == 1)
    case 2: .integer(Int64(below(1 << 31)) - (1 << 30))
    case 3: .number(Double(below(1 << 20)) + 0.5)
    case 4: .string(text())
    case 5: .array((0..<below(4)).map { _ in value(depth: depth - 1) })
    default: .object(members(depth: depth))
    }
  }

  private mutating func text() -> String {
    let letters: [Character] = ["a", "\u{0}", "é", "漢", "🦆", "\"", "e\u{301}"]
    return String((0..<below(200)).map { _ in letters[below(UInt64(letters.count))] })
  }
}
