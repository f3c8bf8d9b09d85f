import Cryptography
import Domain
import NIOCore
import Testing

@testable import Gateway

@Suite("Idempotency keys")
struct IdempotencyBookTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private let body = Hash.sha256("body")

    private func key(_ text: String) throws -> IdempotencyKey {
        try #require(Array(text.utf8).withUnsafeBytes { IdempotencyKey($0) })
    }

    private func id(_ number: Int) -> RequestId { RequestId(high: 1, low: UInt64(number)) }

    /// A request that comes with a key and is answered at once, when the key is free.
    private func serve(_ book: IdempotencyBook, _ text: String, tenant: String = "t", _ number: Int, at now: NIODeadline) throws
        -> IdempotencyBook.Verdict
    {
        let verdict = book.begin(try key(text), tenant: tenant, request: body, id: id(number), now: now)
        if verdict == .free { book.end(try key(text), tenant: tenant, id: id(number), answered: true, now: now) }
        return verdict
    }

    @Test("a key is of its tenant, of its request, and used up by an answer only")
    func life() throws {
        let (book, key) = (IdempotencyBook(), try key("k"))
        #expect(book.begin(key, tenant: "t", request: body, id: id(1), now: start) == .free)
        #expect(book.begin(key, tenant: "t", request: body, id: id(2), now: start) == .running)
        #expect(book.begin(key, tenant: "t", request: Hash.sha256("other"), id: id(3), now: start) == .mismatch)
        #expect(book.begin(key, tenant: "u", request: body, id: id(4), now: start) == .free)
        book.end(key, tenant: "t", id: id(1), answered: false, now: start)
        #expect(try serve(book, "k", 5, at: start) == .free)
        #expect(try serve(book, "k", 6, at: start) == .answered(id(5)))
    }

    @Test("who does not hold a key cannot end it")
    func strangers() throws {
        let (book, key) = (IdempotencyBook(), try key("k"))
        _ = book.begin(key, tenant: "t", request: body, id: id(1), now: start)
        book.end(key, tenant: "t", id: id(2), answered: false, now: start)
        #expect(book.begin(key, tenant: "t", request: body, id: id(3), now: start) == .running)
    }

    @Test("a key is forgotten after its time, counted from the answer")
    func time() throws {
        let book = IdempotencyBook()
        #expect(try serve(book, "k", 1, at: start) == .free)
        #expect(try serve(book, "k", 2, at: start + .minutes(59)) == .answered(id(1)))
        #expect(try serve(book, "k", 3, at: start + .hours(1)) == .free)
        #expect(book.count == 1)
    }

    @Test("a tenant has room for its share of keys, and forgets its own oldest first")
    func bounds() throws {
        let book = IdempotencyBook(IdempotencyBook.Bounds(keysOfTenant: 10, keys: 15))
        for number in 0..<100 { #expect(try serve(book, "k\(number)", number, at: start) == .free) }
        #expect(book.count == 10)
        #expect(try serve(book, "k99", 200, at: start) == .answered(id(99)))
        for number in 0..<10 { #expect(try serve(book, "k\(number)", tenant: "u", 300 + number, at: start) == .free) }
        #expect(book.count == 15)
        #expect(try serve(book, "k9", tenant: "u", 400, at: start) == .answered(id(309)), "the larger tenant gives way")
    }

    @Test("what runs is not forgotten, however many come")
    func running() throws {
        let book = IdempotencyBook(IdempotencyBook.Bounds(keysOfTenant: 2, keys: 2))
        let long = try key("long")
        #expect(book.begin(long, tenant: "t", request: body, id: id(1), now: start) == .free)
        for number in 2..<20 { #expect(try serve(book, "k\(number)", number, at: start) == .free) }
        #expect(book.begin(long, tenant: "t", request: body, id: id(30), now: start) == .running)
    }

    @Test("keys that are freed and used anew leave nothing behind")
    func reuse() throws {
        let (book, key) = (IdempotencyBook(), try key("k"))
        for number in 0..<1000 {
            #expect(book.begin(key, tenant: "t", request: body, id: id(number), now: start) == .free)
            book.end(key, tenant: "t", id: id(number), answered: false, now: start)
        }
        #expect(book.count == 0)
    }

    @Test("a key has 1 to 255 characters")
    func length() {
        for (count, isGood) in [(0, false), (1, true), (255, true), (256, false)] {
            #expect([UInt8](repeating: 0x61, count: count).withUnsafeBytes { IdempotencyKey($0) != nil } == isGood)
        }
    }
}
