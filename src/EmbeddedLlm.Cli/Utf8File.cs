using System.Buffers;
using System.Text.Unicode;

namespace EmbeddedLlm.Cli;

/// <summary>Reads text to the letter: a byte order mark stays, bytes that are no UTF-8 are an error.</summary>
internal static class Utf8File
{
    public static string Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var characters = new char[bytes.Length]; // never more than bytes
        if (Utf8.ToUtf16(bytes, characters, out var offset, out var count, replaceInvalidSequences: false) != OperationStatus.Done)
            throw new LlmException($"{path} is no valid UTF-8: byte 0x{bytes[offset]:X2} at offset {offset}.");
        return new string(characters, 0, count);
    }
}
