using System.Text.Unicode;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// Turns a stream of tokens into a stream of text. A character whose bytes are spread over several tokens appears, whole, with the last of them.
/// All pieces and what <see cref="Flush"/> gives, joined, are the text of the tokens. For one stream and one thread.
/// </summary>
public sealed class Detokenizer
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _removeSpecial;
    private readonly IReadOnlySet<int>? _kept;
    private readonly byte[] _unfinished = new byte[3];      // the bytes of a character that is not all there
    private int _unfinishedCount;
    private bool _atStart;

    /// <param name="tokenizer">Knows the tokens.</param>
    /// <param name="removeSpecial">Whether to leave out control tokens.</param>
    /// <param name="beginsText">Whether the first token begins a text.</param>
    /// <param name="kept">Control tokens that are not left out.</param>
    internal Detokenizer(Tokenizer tokenizer, bool removeSpecial, bool beginsText, IReadOnlySet<int>? kept = null)
    {
        _kept = kept;
        _tokenizer = tokenizer;
        _removeSpecial = removeSpecial;
        _atStart = beginsText;
    }

    /// <summary>The text that a further token completes: empty while a character is unfinished. Bytes that are no UTF-8 become U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public string Append(int id)
    {
        var bytes = NextBytes(id);
        // The usual token: whole characters after whole characters.
        if (_unfinishedCount == 0 && _tokenizer.TryGetText(id, out var text) && bytes.Length == _tokenizer.GetBytes(id).Length)
            return text;
        return Decode(bytes, isEnd: false);
    }

    /// <summary>Ends the text: U+FFFD for an unfinished character, else nothing.</summary>
    public string Flush() => Decode([], isEnd: true);

    /// <summary>The bytes that a further token adds to the text.</summary>
    internal ReadOnlySpan<byte> NextBytes(int id)
    {
        var bytes = _tokenizer.GetBytes(id);
        var first = _atStart;
        _atStart = false;
        // A begin token at the beginning goes, and the space after it stays: that is how texts come back in the golden data of llama.cpp.
        if (_removeSpecial && ((_tokenizer.IsSpecial(id) && _kept?.Contains(id) != true) || (first && _tokenizer.AddsBos && id == _tokenizer.BosId)))
            return [];
        return first && _tokenizer.AddsSpacePrefix && bytes is [(byte)' ', ..] ? bytes[1..] : bytes;
    }

    private string Decode(ReadOnlySpan<byte> bytes, bool isEnd)
    {
        var length = _unfinishedCount + bytes.Length;
        Span<byte> all = length <= 256 ? stackalloc byte[length] : new byte[length];
        _unfinished.AsSpan(0, _unfinishedCount).CopyTo(all);
        bytes.CopyTo(all[_unfinishedCount..]);

        Span<char> characters = length <= 256 ? stackalloc char[length] : new char[length];     // at most one for each byte
        Utf8.ToUtf16(all, characters, out var read, out var written, replaceInvalidSequences: true, isFinalBlock: isEnd);
        _unfinishedCount = length - read;
        all[read..].CopyTo(_unfinished);
        return new string(characters[..written]);
    }
}
