/// What the messages of a request hold beside text: parts that runtimes turn into something else than the tokens of their bytes.
package struct MediaParts: Sendable, Equatable {
    /// Pictures and sounds.
    package var pictures = 0
    package var films = 0
    /// Of those that stand in the request itself.
    package var bytes = 0
    /// Links of the web (`https:`), which the runtime would follow.
    package var links = 0
    /// Whatever else a runtime may take for the place of something: other schemes, and what cannot be told.
    package var places = 0

    package init(pictures: Int = 0, films: Int = 0, bytes: Int = 0, links: Int = 0, places: Int = 0) {
        (self.pictures, self.films, self.bytes, self.links, self.places) = (pictures, films, bytes, links, places)
    }
}

extension RequestScan {
    /// A text was read whose object, an element of `messages[].content`, or an object in such a one, is still open: notes it where it is a
    /// picture, sound or film. Names that are written with escapes are nobody's: such a text counts by its bytes.
    func readMedia(_ text: JSONText, _ value: Range<Int>) {
        readLink(text, value)
        guard isNewest("messages", of: 0, text), isNewest("content", of: 2, text) else { return }
        let isSound = isNewest("input_audio", of: 4, text)
        let isFilm = isNewest("video_url", of: 4, text)
        guard isSound || isFilm || isNewest("image_url", of: 4, text) || isNewest("audio_url", of: 4, text) else { return }
        if frames.count == 6 {
            guard isNewest(isSound ? "data" : "url", of: 5, text) else { return }
        } else if isSound {
            return
        }
        if isFilm { media.films += 1 } else { media.pictures += 1 }
        // A link costs what it is written with, and what it leads to.
        if isSound || text.starts("data:", at: value.lowerBound + 1) { media.bytes += value.count }
    }

    /// Names of what is read as it stands; whatever has another one may be fetched by some runtime, so that what it looks like decides.
    private static let plainNames: [StaticString] = [
        "text", "type", "data", "format", "detail", "filename", "file_data", "file_id", "refusal", "thinking", "signature", "name", "title", "id",
    ]

    /// Notes what would be fetched: a name with escapes is as good as the one that it stands for.
    private func readLink(_ text: JSONText, _ value: Range<Int>) {
        guard isNewest("messages", of: 0, text) || isEscaped(0), isNewest("content", of: 2, text) || isEscaped(2) else { return }
        let innermost = frames.count - 1
        guard !Self.plainNames.contains(where: { isNewest($0, of: innermost, text) }), !text.starts("data:", at: value.lowerBound + 1) else { return }
        if text.starts("https://", at: value.lowerBound + 1) { media.links += 1 } else if text.namesPlace(in: value) { media.places += 1 }
    }

    private func isEscaped(_ frame: Int) -> Bool {
        let inside = frames[(frame + 1)...].first { $0.isObject }
        return ledger.isNewestEscaped(before: inside?.firstKey, from: frames[frame].firstKey)
    }

    /// The member that is being read of the object in this frame has this name.
    private func isNewest(_ name: StaticString, of frame: Int, _ text: JSONText) -> Bool {
        let inside = frames[(frame + 1)...].first { $0.isObject }
        return ledger.isNewest(name, before: inside?.firstKey, from: frames[frame].firstKey, of: text)
    }
}

extension JSONText {
    /// A text with a colon, a slash or an escape where a scheme or a path would stand; white space in front is skipped, as runtimes skip it.
    fileprivate func namesPlace(in value: Range<Int>) -> Bool {
        var at = value.lowerBound + 1
        let end = value.upperBound - 1
        while at < end, base[at] <= 0x20 { at += 1 }
        guard at < end else { return false }
        // The Base64 of a JPEG begins with "/9j/".
        if base[at] == UInt8(ascii: "/"), end - at < 4096 { return true }
        return (at..<min(at + 64, end)).contains { base[$0] == UInt8(ascii: ":") || base[$0] == UInt8(ascii: "\\") }
    }

    fileprivate func starts(_ word: StaticString, at offset: Int) -> Bool {
        let length = word.utf8CodeUnitCount
        guard offset + length <= count else { return false }
        return (0..<length).allSatisfy { base[offset + $0] == word.utf8Start[$0] }
    }
}
