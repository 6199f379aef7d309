using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Safetensors;

/// <summary>
/// Reads the table of a safetensors file (https://github.com/huggingface/safetensors#format): its length in 8 bytes, JSON, then the bytes of the
/// tensors without a gap. The file is foreign: every count, size and offset is checked before it is used.
/// </summary>
internal ref struct SafetensorsHeader
{
    private const string MetadataKey = "__metadata__";

    private readonly GgufMapping _mapping;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<SafetensorsTensor> _tensors = [];
    private readonly ImmutableDictionary<string, string>.Builder _metadata = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
    private readonly long _dataStart;
    private Utf8JsonReader _json;
    private int _nameBytes;

    private SafetensorsHeader(GgufMapping mapping)
    {
        _mapping = mapping;
        if (mapping.Length < sizeof(ulong))
            Fail("length of the header", "8 bytes", $"{mapping.Length} to the end of the file");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(mapping.Slice(0, sizeof(ulong)));
        var possible = Math.Min(SafetensorsLimits.HeaderBytes, mapping.Length - sizeof(ulong));
        if (length > (ulong)possible)
            Fail("length of the header", $"at most {possible} bytes", $"{length}");
        _dataStart = sizeof(ulong) + (long)length;
        var header = mapping.Slice(sizeof(ulong), (int)length);
        if (header is not [(byte)'{', ..])
            Fail("header", "JSON that begins with '{'", header.IsEmpty ? "nothing" : $"byte {header[0]:X2}");
        _json = new Utf8JsonReader(header, new JsonReaderOptions { MaxDepth = 4 });
    }

    public static (ImmutableArray<SafetensorsTensor> Tensors, ImmutableDictionary<string, string> Metadata) Read(GgufMapping mapping)
    {
        try
        {
            var header = new SafetensorsHeader(mapping);
            header.ReadTable();
            return (header.Placed(), header._metadata.ToImmutable());
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            // FormatException: a number that is no 64-bit integer; InvalidOperationException: a string that is no Unicode.
            throw new ModelFormatException($"{mapping.Path}: the header is no valid table of tensors: {exception.Message}", exception);
        }
    }

    private void ReadTable()
    {
        Next(JsonTokenType.StartObject, "header");
        while (NextIs(JsonTokenType.PropertyName))
        {
            var name = ReadName();
            if (name == MetadataKey)
                ReadMetadata();
            else
                _tensors.Add(ReadTensor(name));
            if (_tensors.Count > SafetensorsLimits.Tensors)
                Fail("tensors", $"at most {SafetensorsLimits.Tensors}", "more");
        }

        if (_json.Read())
            Fail("header", "nothing behind the table", $"{_json.TokenType}");
    }

    private string ReadName()
    {
        _nameBytes += _json.ValueSpan.Length;
        if (_json.ValueSpan.Length is 0 or > SafetensorsLimits.NameBytes)
            Fail("tensor name", $"1 to {SafetensorsLimits.NameBytes} bytes", $"{_json.ValueSpan.Length}");
        if (_nameBytes > SafetensorsLimits.AllNameBytes)
            Fail("tensor names", $"at most {SafetensorsLimits.AllNameBytes} bytes in all names together", $"{_nameBytes}");
        var name = _json.GetString()!;
        if (!_names.Add(name))
            Fail("tensor name", "each name once", $"'{name}' again");
        return name;
    }

    private void ReadMetadata()
    {
        Next(JsonTokenType.StartObject, MetadataKey);
        while (NextIs(JsonTokenType.PropertyName))
        {
            var key = _json.GetString()!;
            if (_metadata.Count == SafetensorsLimits.Tensors)
                Fail(MetadataKey, $"at most {SafetensorsLimits.Tensors} keys", "more");
            Next(JsonTokenType.String, $"{MetadataKey}.{key}");
            if (!_metadata.TryAdd(key, _json.GetString()!))
                Fail(MetadataKey, "each key once", $"'{key}' again");
        }
    }

    private SafetensorsTensor ReadTensor(string name)
    {
        string? type = null;
        ImmutableArray<long>? shape = null, offsets = null;
        Next(JsonTokenType.StartObject, name);
        while (NextIs(JsonTokenType.PropertyName))
        {
            var key = _json.GetString()!;
            if ((key switch { "dtype" => type is not null, "shape" => shape is not null, "data_offsets" => offsets is not null, _ => true }))
                Fail($"tensor '{name}'", "dtype, shape and data_offsets, each once", $"'{key}'");
            if (key == "dtype")
            {
                Next(JsonTokenType.String, $"{name}.dtype");
                type = _json.GetString()!;
            }
            else if (key == "shape")
                shape = ReadSizes(name, key, SafetensorsLimits.Dimensions);
            else
                offsets = ReadSizes(name, key, 2);
        }

        if (type is null || shape is null || offsets is not [var start, var end])
        {
            Fail($"tensor '{name}'", "dtype, shape and two data_offsets", "not all of them");
            return null!;
        }

        var elements = 1L;
        foreach (var size in shape.Value)
        {
            if (Math.BigMul(elements, size) > long.MaxValue / 8)
                Fail($"size of tensor '{name}'", "fewer than 2^60 numbers", $"[{string.Join(", ", shape.Value)}]");
            elements *= size;
        }

        var bytes = elements * BytesOf(name, type);
        if (end < start || end - start != bytes)
            Fail($"data_offsets of tensor '{name}'", $"{bytes} bytes for {type} [{string.Join(", ", shape.Value)}]", $"{start} to {end}");
        return new(name, type, shape.Value, start, bytes);
    }

    private ImmutableArray<long> ReadSizes(string name, string key, int most)
    {
        var sizes = ImmutableArray.CreateBuilder<long>();
        Next(JsonTokenType.StartArray, $"{name}.{key}");
        while (NextIs(JsonTokenType.Number))
        {
            if (sizes.Count == most)
                Fail($"{key} of tensor '{name}'", $"at most {most} numbers", "more");
            var size = _json.GetInt64();
            if (size < 0)
                Fail($"{key} of tensor '{name}'", "numbers of at least 0", $"{size}");
            sizes.Add(size);
        }

        return sizes.ToImmutable();
    }

    /// <summary>The tensors in the order of their bytes, which fill the rest of the file.</summary>
    private readonly ImmutableArray<SafetensorsTensor> Placed()
    {
        var placed = ImmutableArray.CreateBuilder<SafetensorsTensor>(_tensors.Count);
        var data = _mapping.Length - _dataStart;
        var at = 0L;
        foreach (var tensor in _tensors.OrderBy(tensor => tensor.Start).ThenBy(tensor => tensor.Bytes))
        {
            if (tensor.Start != at || tensor.Bytes > data - at)
                Fail($"place of tensor '{tensor.Name}'", $"inside the {data} bytes of data, from byte {at} on where the tensor before it ends", $"{tensor.Bytes} bytes at {tensor.Start}");
            at += tensor.Bytes;
            placed.Add(tensor with { Start = _dataStart + tensor.Start });
        }

        if (at != data)
            Fail("tensor data", $"{at} bytes, as the table says", $"{data}");
        return placed.MoveToImmutable();
    }

    private readonly int BytesOf(string name, string type) => type switch
    {
        "BOOL" or "U8" or "I8" or "F8_E4M3" or "F8_E5M2" or "F8_E8M0" => 1,
        "U16" or "I16" or "F16" or "BF16" => 2,
        "U32" or "I32" or "F32" => 4,
        "U64" or "I64" or "F64" or "C64" => 8,
        _ => throw new UnsupportedModelException($"{_mapping.Path}: tensor '{name}' has the format '{type}', which is not known. Weights are read in F32, F16 and BF16."),
    };

    private void Next(JsonTokenType expected, string what)
    {
        if (!_json.Read() || _json.TokenType != expected)
            Fail(what, $"{expected}", $"{_json.TokenType}");
    }

    /// <summary>Whether the next is one more <paramref name="expected"/>; else it must end the object or array.</summary>
    private bool NextIs(JsonTokenType expected)
    {
        if (_json.Read() && _json.TokenType == expected)
            return true;
        if (_json.TokenType is not (JsonTokenType.EndObject or JsonTokenType.EndArray))
            Fail("header", $"{expected} or an end", $"{_json.TokenType}");
        return false;
    }

    [DoesNotReturn]
    private readonly void Fail(string what, string expected, string found) =>
        throw new ModelFormatException($"{_mapping.Path}: {what}: expected {expected}, found {found}.");
}
