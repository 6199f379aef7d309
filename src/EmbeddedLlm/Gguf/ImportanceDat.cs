using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace EmbeddedLlm.Gguf;

/// <summary>
/// The older format of llama.cpp's importance matrices, read only: a count of entries; of each the length of its name, the name, a count of calls, a count
/// of numbers and the numbers, means of squares times the calls; then, not in the oldest, a count of chunks and the length and name of the text.
/// All integers have 32 bits.
/// </summary>
internal ref struct ImportanceDat
{
    private readonly string _path;
    private ReadOnlySpan<byte> _rest;

    private ImportanceDat(string path, ReadOnlySpan<byte> bytes)
    {
        _path = path;
        _rest = bytes;
    }

    public static ImportanceMatrix Read(string path) => new ImportanceDat(path, File.ReadAllBytes(path)).Read();

    private ImportanceMatrix Read()
    {
        var count = Integer("count of entries (or the magic number GGUF)", 1, GgufLimits.Tensors);
        var entries = new OrderedDictionary<string, ImportanceEntry>(StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            var name = Encoding.UTF8.GetString(Take(Integer($"length of name {i}", 1, GgufLimits.KeyBytes), $"name {i}"));
            var calls = Integer($"calls of '{name}'", 0, int.MaxValue);
            var length = Integer($"count of numbers of '{name}'", 1, _rest.Length / sizeof(float));
            var sums = MemoryMarshal.Cast<byte, float>(Take(length * sizeof(float), $"numbers of '{name}'")).ToArray();
            if (!entries.TryAdd(name, new ImportanceEntry(ImportanceFile.Checked(_path, name, sums), [Math.Max(calls, 1)])))
                throw new ModelFormatException($"{_path}: expected each tensor once, found '{name}' again.");
        }

        if (_rest.IsEmpty)
            return new ImportanceMatrix(_path, [], 0, 0, entries);
        var chunks = Integer("count of chunks", 0, int.MaxValue);
        var dataset = _rest.IsEmpty ? "" : Encoding.UTF8.GetString(Take(Integer("length of the text's name", 0, GgufLimits.KeyBytes), "name of the text"));
        return new ImportanceMatrix(_path, dataset.Length == 0 ? [] : [dataset], chunks, 0, entries);
    }

    private int Integer(string what, int minimum, int maximum)
    {
        var value = BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int), what));
        return value >= minimum && value <= maximum ? value : throw new ModelFormatException($"{_path}: {what}: expected {minimum} to {maximum}, found {value}.");
    }

    private ReadOnlySpan<byte> Take(int count, string what)
    {
        if (count > _rest.Length)
            throw new ModelFormatException($"{_path}: {what}: expected {count} bytes, found {_rest.Length} to the end of the file.");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
