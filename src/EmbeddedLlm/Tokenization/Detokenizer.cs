using System.Text;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// Turns a stream of tokens into a stream of text. A character whose bytes are spread over several tokens appears, whole, with the last of them.
/// All pieces and what <see cref="Flush"/> gives, joined, are the text of the tokens. For one stream and one thread.
/// </summary>
public sealed class Detokenizer
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _removeSpecial;
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder(); // holds the bytes of an unfinished character
    private bool _atStart;

    internal Detokenizer(Tokenizer tokenizer, bool removeSpecial, bool beginsText)
    {
        _tokenizer = tokenizer;
        _removeSpecial = removeSpecial;
        _atStart = beginsText;
    }

    /// <summary>The text that a further token completes: empty while a character is unfinished. Bytes that are no UTF-8 become U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public string Append(int id) => Decode(NextBytes(id), flush: false);

    /// <summary>Ends the text: U+FFFD for an unfinished character, else nothing.</summary>
    public string Flush() => Decode([], flush: true);

    /// <summary>The bytes that a further token adds to the text.</summary>
    internal ReadOnlySpan<byte> NextBytes(int id)
    {
        var bytes = _tokenizer.GetBytes(id);
        var first = _atStart;
        _atStart = false;
        // A begin token at the beginning goes, and the space after it stays: that is how texts come back in the golden data of llama.cpp.
        if (_removeSpecial && (_tokenizer.IsSpecial(id) || (first && _tokenizer.AddsBos && id == _tokenizer.BosId)))
            return [];
        return first && _tokenizer.AddsSpacePrefix && bytes is [(byte)' ', ..] ? bytes[1..] : bytes;
    }

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        var most = bytes.Length + 2; // one character for each byte, and those of an unfinished character before them
        var characters = most <= 256 ? stackalloc char[most] : new char[most];
        return new string(characters[.._decoder.GetChars(bytes, characters, flush)]);
    }
}
