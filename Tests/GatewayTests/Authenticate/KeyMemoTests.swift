import Testing

@testable import Gateway

@Suite("Keys presented lately")
struct KeyMemoTests {
    @Test("each is found by its own text and no other, until they are forgotten")
    func finds() {
        var memo = KeyMemo<String>()
        let texts = (0..<200).map { "sk-key-number-\($0)-with-an-end" }
        for text in texts { Array(text.utf8).withUnsafeBytes { memo.remember($0, text) } }
        let found = texts.compactMap { text in Array(text.utf8).withUnsafeBytes { memo.value($0) }.map { (text, $0) } }
        #expect(!found.isEmpty && found.count <= 64 && found.allSatisfy { $0.0 == $0.1 })
        for (text, _) in found {
            let other = Array((text.dropLast() + "x").utf8)
            #expect(other.withUnsafeBytes { memo.value($0) } == nil)
        }
        memo.forget()
        #expect(texts.allSatisfy { text in Array(text.utf8).withUnsafeBytes { memo.value($0) } == nil })
    }
}
