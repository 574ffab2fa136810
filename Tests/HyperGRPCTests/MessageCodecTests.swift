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
    ("0a06612e62283129", CallResponse(id: "a.b(1)", outcome: .result(nil))),
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
  func numbersTravelAsDoubles(_ sent: JSONValue, _ received: JSONValue) {
    #expect(JSONValue(sent.protobuf) == received)
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
