import Domain
import HTTPWire
import NIOCore
import OpenAIWire
import PlimsollWire

/// A refusal by this gateway's own fault of a request whose body was not read. It counts against the promise as soon as as much of the body has come as tells
/// for which model.
final class OwnRefusal {
    private let outcome: Outcome
    private let key: CustomerKey
    private let acceptedAt: Int64
    private let loop: GatewayLoop
    private var beginning = BodyBeginning()
    /// Nil: the body comes as it is.
    private var chunks: ChunkedDecoder?

    /// Nil: it is somebody else's fault.
    ///
    /// - Parameter acceptedAt: Microseconds since 1970.
    init?(_ error: APIError, _ key: CustomerKey, acceptedAt: Int64, _ loop: GatewayLoop) {
        guard error.code.fault == .gateway else { return nil }
        outcome = Outcome(error.code.fault)
        self.key = key
        self.acceptedAt = acceptedAt
        self.loop = loop
    }

    /// The body comes in chunks.
    ///
    /// - Parameter decoder: Has read what came of them before.
    func expectChunks(_ decoder: ChunkedDecoder) { chunks = decoder }

    /// Looks at what has come on the connection, behind what it was given before. True: what comes next is wanted too.
    func wants(received bytes: UnsafeRawBufferPointer) -> Bool {
        guard var decoder = chunks else { return wants(behind: bytes) }
        defer { chunks = decoder }
        var at = 0
        do throws(HTTPFault) {
            while true {
                switch try decoder.next(bytes, from: at) {
                case .data(let range):
                    guard wants(behind: bytes[range]) else { return false }
                    at = range.upperBound
                case .needMore: return true
                case .end: return false
                }
            }
        } catch {
            // It was refused already.
            return false
        }
    }

    /// Looks at what has come of the body, behind what it was given before. True: what comes next is wanted too.
    func wants(behind bytes: some Sequence<UInt8>) -> Bool {
        guard let name = beginning.model(behind: bytes) else { return !beginning.isWhole }
        if let model = loop.directory.model(name), key.mayUse(model) {
            loop.meter.refuse(loop.subject(key, model), outcome: outcome, acceptedAt: acceptedAt)
        }
        return false
    }
}

/// What has come of a body that is not read, as far as it may tell for which model it is.
struct BodyBeginning {
    /// Bytes that are looked at.
    private static let most = 32 * 1024
    /// Each look begins at the first byte: who sends in crumbs must not make so many of them that they cost more than to read the body.
    private static let freeLooks = 32
    private static let lookEvery = 1024

    private var bytes = ByteBuffer()
    private(set) var looks = 0
    private var nextLook = 0

    /// No more of it is looked at.
    var isWhole: Bool { bytes.readableBytes >= Self.most }

    /// Nil: it is not known, or not yet.
    ///
    /// - Parameter more: What came behind the bytes of earlier calls.
    mutating func model(behind more: some Sequence<UInt8>) -> String? {
        bytes.writeBytes(more.prefix(Self.most))
        guard looks < Self.freeLooks || bytes.readableBytes >= nextLook || isWhole else { return nil }
        looks += 1
        nextLook = bytes.readableBytes + Self.lookEvery
        return bytes.withUnsafeReadableBytes(ModelName.find)
    }
}

extension RelayedRequest {
    /// Its body has come and is not read, which is this gateway's fault, or somebody else's.
    func countOwnFault(_ error: APIError, _ body: ByteBuffer) {
        guard let own = OwnRefusal(error, arriving.key, acceptedAt: arriving.acceptedAt, loop) else { return }
        _ = own.wants(behind: body.readableBytesView)
    }
}

/// Reads the model's name in the beginning of a body. Nothing is judged by it.
private enum ModelName {
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")
    private static let slash = UInt8(ascii: "/")

    /// Nil: it does not stand there, or not whole.
    static func find(_ bytes: UnsafeRawBufferPointer) -> String? {
        var (at, depth, isName) = (solid(bytes, 0), 1, true)
        guard at < bytes.count, bytes[at] == UInt8(ascii: "{") else { return nil }
        at += 1
        while at < bytes.count {
            switch bytes[at] {
            case quote:
                guard let end = closing(bytes, at + 1) else { return nil }
                let isModel = depth == 1 && isName && bytes[at + 1..<end].elementsEqual("model".utf8)
                if isModel { return value(bytes, end + 1) }
                if depth == 1 { isName = false }
                at = end
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return nil }
            case UInt8(ascii: ","): if depth == 1 { isName = true }
            default: break
            }
            at += 1
        }
        return nil
    }

    /// - Parameter start: Behind the name of the member.
    private static func value(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> String? {
        let colon = solid(bytes, start)
        guard colon < bytes.count, bytes[colon] == UInt8(ascii: ":") else { return nil }
        let open = solid(bytes, colon + 1)
        guard open < bytes.count, bytes[open] == quote, let end = closing(bytes, open + 1) else { return nil }
        var name: [UInt8] = []
        for at in open + 1..<end {
            // Some write `\/` for a slash; no name needs another escape.
            guard bytes[at] != backslash else {
                guard bytes[at + 1] == slash else { return nil }
                continue
            }
            name.append(bytes[at])
        }
        return String(decoding: name, as: UTF8.self)
    }

    /// Where the string ends whose first byte is at `start`; nil: it does not.
    private static func closing(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        var at = start
        while at < bytes.count {
            if bytes[at] == quote { return at }
            at += bytes[at] == backslash ? 2 : 1
        }
        return nil
    }

    /// The first byte from `at` on that is no white space.
    private static func solid(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int {
        var at = at
        while at < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[at]) { at += 1 }
        return at
    }
}
