package import HTTPWire

/// By what a prompt is known again: hashes of its beginning, for the choice of a worker whose cache may hold it, and for nothing else.
///
/// A conversation is known by its messages up to the first of a user, whatever follows; those stand in every turn of it. They are found by the
/// places that the scan noted, and long ones are hashed at both ends only.
package struct PromptAffinity: Sendable, Equatable {
    /// 0: not known by anything.
    package var conversation: UInt64 = 0
    /// What stands in front of the first user's message, which other conversations may share; 0: nothing of a length that counts.
    package var opening: UInt64 = 0
    /// Of that.
    package var openingBytes = 0
    /// Place of the first user's message.
    private var userElement = 0

    /// A message that comes later is not looked for.
    private static let mostMessages = 8
    /// Shorter openings are worth no detour.
    private static let leastOpening = 1024
    private static let leastPrompt = 256
    private static let promptBytes = 1024
    private static let hashedBytes = 4096

    package init() {}

    /// The hash of a name that the customer gave to a conversation, wherever it stood. 0 for an empty one.
    package static func session(_ name: UnsafeRawBufferPointer) -> UInt64 {
        name.isEmpty ? 0 : hash(name, 0..<name.count, 2)
    }

    /// - Parameters:
    ///   - scan: Of `bytes`, which it found to be right.
    ///   - session: Of a name that stood in front of the body; 0: none did.
    package static func read(_ scan: RequestScan, _ bytes: UnsafeRawBufferPointer, session named: UInt64 = 0) -> PromptAffinity {
        var affinity = PromptAffinity()
        var (session, cacheKey, user): (UInt64, UInt64, UInt64) = (0, 0, 0)
        for index in scan.members.indices where !scan.members[index].hasEscapes {
            let member = scan.members[index]
            let name = UnsafeRawBufferPointer(rebasing: bytes[member.name])
            switch name.count {
            case 4 where name.starts(withText: "user") && member.kind == .string && member.value.count > 2: user = hash(bytes, member.value, 3)
            case 6 where name.starts(withText: "prompt") && member.kind == .string: affinity.takePrompt(bytes, member.value)
            case 8 where name.starts(withText: "messages") && member.kind == .array: affinity.takeMessages(scan, index, bytes)
            case 10 where name.starts(withText: "session_id") && member.kind == .string: session = self.session(bytes.text(member))
            case 16 where name.starts(withText: "prompt_cache_key") && member.kind == .string: cacheKey = self.session(bytes.text(member))
            default: break
            }
        }
        let name = session != 0 ? session : named != 0 ? named : cacheKey
        if name != 0 { affinity.conversation = name }
        if affinity.conversation == 0 { affinity.conversation = user }
        return affinity
    }

    private mutating func takePrompt(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) {
        guard value.count >= Self.leastPrompt else { return }
        conversation = Self.hash(bytes, value.lowerBound..<min(value.upperBound, value.lowerBound + Self.promptBytes) - 1, 1)
    }

    private mutating func takeMessages(_ scan: RequestScan, _ parent: Int, _ bytes: UnsafeRawBufferPointer) {
        let start = scan.members[parent].value.lowerBound
        var isUserFound = false
        for index in scan.inner.indices where scan.inner[index].parent == parent {
            let inner = scan.inner[index]
            guard inner.element < Self.mostMessages else { return }
            if isUserFound, inner.element > userElement {
                conversation = Self.hash(bytes, start..<Self.end(bytes, before: inner.name.lowerBound), 1)
                return
            }
            guard !isUserFound, inner.kind == .string, Self.isUser(bytes, inner.name) else { continue }
            isUserFound = true
            userElement = inner.element
            noteOpening(scan, parent, bytes)
        }
        guard isUserFound else { return }
        // The user's message is the last one: the bracket of the array ends it.
        conversation = Self.hash(bytes, start..<Self.end(bytes, from: scan.members[parent].value.upperBound - 1), 1)
    }

    private mutating func noteOpening(_ scan: RequestScan, _ parent: Int, _ bytes: UnsafeRawBufferPointer) {
        guard userElement > 0, let first = scan.inner.first(where: { $0.parent == parent && $0.element == userElement }) else { return }
        let range = scan.members[parent].value.lowerBound..<Self.end(bytes, before: first.name.lowerBound)
        guard range.count >= Self.leastOpening else { return }
        opening = Self.hash(bytes, range, 4)
        openingBytes = range.count
    }

    /// The member is `"role": "user"`.
    private static func isUser(_ bytes: UnsafeRawBufferPointer, _ name: Range<Int>) -> Bool {
        guard name.count == 4, UnsafeRawBufferPointer(rebasing: bytes[name]).starts(withText: "role") else { return false }
        var at = name.upperBound + 1
        while at < bytes.count, isSpaceOr(bytes[at], UInt8(ascii: ":")) { at += 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[at...]).starts(withText: "\"user\"")
    }

    /// Where the element in front of the one with this first name ends.
    private static func end(_ bytes: UnsafeRawBufferPointer, before name: Int) -> Int {
        var at = name - 1
        while at > 0, isSpaceOr(bytes[at - 1], UInt8(ascii: "{")) { at -= 1 }
        return end(bytes, from: at)
    }

    private static func end(_ bytes: UnsafeRawBufferPointer, from index: Int) -> Int {
        var at = index
        while at > 0, isSpaceOr(bytes[at - 1], UInt8(ascii: ",")) { at -= 1 }
        return at
    }

    private static func isSpaceOr(_ byte: UInt8, _ other: UInt8) -> Bool {
        byte == other || byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    /// Multiplies and folds eight bytes at a time (as wyhash does). Never 0.
    private static func hash(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ kind: UInt64) -> UInt64 {
        var state = kind &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(range.count)
        if range.count <= hashedBytes {
            mix(bytes, range, &state)
        } else {
            mix(bytes, range.prefix(hashedBytes / 2), &state)
            mix(bytes, range.suffix(hashedBytes / 2), &state)
        }
        return state == 0 ? 1 : state
    }

    private static func mix(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ state: inout UInt64) {
        var at = range.lowerBound
        while at + 8 <= range.upperBound {
            fold(bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self), &state)
            at += 8
        }
        var rest: UInt64 = 0
        while at < range.upperBound {
            rest = rest << 8 | UInt64(bytes[at])
            at += 1
        }
        fold(rest, &state)
    }

    private static func fold(_ word: UInt64, _ state: inout UInt64) {
        let product = (state ^ word ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        state = product.high ^ product.low
    }

    /// The hash as one tenant's, so that no other has it. 0 stays 0.
    package static func salted(_ hash: UInt64, _ salt: UInt64) -> UInt64 {
        guard hash != 0 else { return 0 }
        var state = salt
        fold(hash, &state)
        return state == 0 ? 1 : state
    }

    package static func == (one: PromptAffinity, other: PromptAffinity) -> Bool {
        one.conversation == other.conversation && one.opening == other.opening && one.openingBytes == other.openingBytes
    }
}

extension UnsafeRawBufferPointer {
    /// What stands between the quotes.
    fileprivate func text(_ member: JSONMember) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[member.value.lowerBound + 1..<member.value.upperBound - 1])
    }
}
