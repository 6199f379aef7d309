using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace EmbeddedLlm.Gguf;

/// <summary>
/// A metadata value: its type and its bytes exactly as a GGUF file has them. It is decoded when asked,
/// so that a vocabulary costs nothing until it is read. Values of a file can be read until the file is disposed.
/// </summary>
public sealed class GgufValue
{
    /// <summary>Bytes before the elements of an array: element type (4), count (8).</summary>
    internal const int ArrayHeaderBytes = 12;

    internal GgufValue(GgufValueType type, ReadOnlyMemory<byte> raw)
    {
        Type = type;
        Raw = raw;
    }

    /// <summary>The type.</summary>
    public GgufValueType Type { get; }

    /// <summary>Whether the value is an array.</summary>
    public bool IsArray => Type == GgufValueType.Array;

    /// <summary>The type of an array's elements; <see cref="Type"/> itself where the value is no array.</summary>
    public GgufValueType ElementType => IsArray ? (GgufValueType)BinaryPrimitives.ReadUInt32LittleEndian(Raw.Span) : Type;

    /// <summary>Elements of an array; 1 where the value is no array.</summary>
    public int Count => IsArray ? (int)BinaryPrimitives.ReadUInt64LittleEndian(Raw.Span[4..]) : 1;

    /// <summary>The value as a file has it, without the type before it.</summary>
    internal ReadOnlyMemory<byte> Raw { get; }

    /// <summary>What stands behind the array header, or the whole value.</summary>
    private ReadOnlySpan<byte> Elements => IsArray ? Raw.Span[ArrayHeaderBytes..] : Raw.Span;

    /// <summary>A string.</summary>
    public static GgufValue Of(string value) => new(GgufValueType.String, StringBytes(value));

    /// <summary>A Boolean.</summary>
    public static GgufValue Of(bool value) => new(GgufValueType.Bool, new[] { value ? (byte)1 : (byte)0 });

    /// <summary>An 8-bit unsigned integer.</summary>
    public static GgufValue Of(byte value) => new(GgufValueType.UInt8, new[] { value });

    /// <summary>An 8-bit signed integer.</summary>
    public static GgufValue Of(sbyte value) => new(GgufValueType.Int8, new[] { (byte)value });

    /// <summary>A 16-bit unsigned integer.</summary>
    public static GgufValue Of(ushort value) => new(GgufValueType.UInt16, BitConverter.GetBytes(value));

    /// <summary>A 16-bit signed integer.</summary>
    public static GgufValue Of(short value) => new(GgufValueType.Int16, BitConverter.GetBytes(value));

    /// <summary>A 32-bit signed integer.</summary>
    public static GgufValue Of(int value) => new(GgufValueType.Int32, BitConverter.GetBytes(value));

    /// <summary>A 32-bit unsigned integer, as GGUF stores most counts.</summary>
    public static GgufValue Of(uint value) => new(GgufValueType.UInt32, BitConverter.GetBytes(value));

    /// <summary>A 64-bit signed integer.</summary>
    public static GgufValue Of(long value) => new(GgufValueType.Int64, BitConverter.GetBytes(value));

    /// <summary>A 64-bit unsigned integer.</summary>
    public static GgufValue Of(ulong value) => new(GgufValueType.UInt64, BitConverter.GetBytes(value));

    /// <summary>A 32-bit float.</summary>
    public static GgufValue Of(float value) => new(GgufValueType.Float32, BitConverter.GetBytes(value));

    /// <summary>A 64-bit float.</summary>
    public static GgufValue Of(double value) => new(GgufValueType.Float64, BitConverter.GetBytes(value));

    /// <summary>An array of strings.</summary>
    public static GgufValue Of(IReadOnlyCollection<string> values) => OfParts(GgufValueType.String, values.Count, values.Select(value => (ReadOnlyMemory<byte>)StringBytes(value)));

    /// <summary>An array of arrays; each may have elements of a type of its own.</summary>
    /// <exception cref="ArgumentException">A value is no array, or an array of arrays itself.</exception>
    public static GgufValue Of(IReadOnlyCollection<GgufValue> values) => values.All(value => value.IsArray && value.ElementType != GgufValueType.Array)
        ? OfParts(GgufValueType.Array, values.Count, values.Select(value => value.Raw))
        : throw new ArgumentException("The values must be arrays of numbers, Booleans or strings.", nameof(values));

    /// <summary>An array of 8-bit unsigned integers.</summary>
    public static GgufValue Of(ReadOnlySpan<byte> values) => OfElements(GgufValueType.UInt8, values);

    /// <summary>An array of 8-bit signed integers.</summary>
    public static GgufValue Of(ReadOnlySpan<sbyte> values) => OfElements(GgufValueType.Int8, values);

    /// <summary>An array of 16-bit unsigned integers.</summary>
    public static GgufValue Of(ReadOnlySpan<ushort> values) => OfElements(GgufValueType.UInt16, values);

    /// <summary>An array of 16-bit signed integers.</summary>
    public static GgufValue Of(ReadOnlySpan<short> values) => OfElements(GgufValueType.Int16, values);

    /// <summary>An array of 32-bit signed integers.</summary>
    public static GgufValue Of(ReadOnlySpan<int> values) => OfElements(GgufValueType.Int32, values);

    /// <summary>An array of 32-bit unsigned integers.</summary>
    public static GgufValue Of(ReadOnlySpan<uint> values) => OfElements(GgufValueType.UInt32, values);

    /// <summary>An array of 64-bit signed integers.</summary>
    public static GgufValue Of(ReadOnlySpan<long> values) => OfElements(GgufValueType.Int64, values);

    /// <summary>An array of 64-bit unsigned integers.</summary>
    public static GgufValue Of(ReadOnlySpan<ulong> values) => OfElements(GgufValueType.UInt64, values);

    /// <summary>An array of 32-bit floats.</summary>
    public static GgufValue Of(ReadOnlySpan<float> values) => OfElements(GgufValueType.Float32, values);

    /// <summary>An array of 64-bit floats.</summary>
    public static GgufValue Of(ReadOnlySpan<double> values) => OfElements(GgufValueType.Float64, values);

    /// <summary>An array of Booleans.</summary>
    public static GgufValue Of(ReadOnlySpan<bool> values) => OfElements(GgufValueType.Bool, values);

    /// <summary>The value in short: numbers and text as they are, long arrays by type and count.</summary>
    public override string ToString()
    {
        if (!IsArray)
            return ScalarText(Type, Raw.Span);
        if (Count > 8 || ElementType == GgufValueType.Array)
            return $"{ElementType}[{Count}]";
        if (ElementType == GgufValueType.String)
            return $"[{string.Join(", ", Strings().Select(s => $"\"{s}\""))}]";
        var texts = new string[Count];
        for (var i = 0; i < texts.Length; i++)
            texts[i] = ScalarText(ElementType, Element(i));
        return $"[{string.Join(", ", texts)}]";
    }

    /// <summary>Bytes of a value of fixed size; 0 for strings and arrays.</summary>
    internal static int SizeOf(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.UInt64 or GgufValueType.Int64 or GgufValueType.Float64 => 8,
        _ => 0,
    };

    /// <summary>Whether element <paramref name="index"/> (0 for a value that is no array) is an integer that a long holds.</summary>
    internal bool TryGetInteger(int index, out long value)
    {
        var bytes = Element(index);
        (var isInteger, value) = ElementType switch
        {
            GgufValueType.UInt8 => (true, bytes[0]),
            GgufValueType.Int8 => (true, (sbyte)bytes[0]),
            GgufValueType.UInt16 => (true, BinaryPrimitives.ReadUInt16LittleEndian(bytes)),
            GgufValueType.Int16 => (true, BinaryPrimitives.ReadInt16LittleEndian(bytes)),
            GgufValueType.UInt32 => (true, BinaryPrimitives.ReadUInt32LittleEndian(bytes)),
            GgufValueType.Int32 => (true, BinaryPrimitives.ReadInt32LittleEndian(bytes)),
            GgufValueType.Int64 or GgufValueType.UInt64 => (true, BinaryPrimitives.ReadInt64LittleEndian(bytes)),
            _ => (false, 0),
        };
        return isInteger && (ElementType != GgufValueType.UInt64 || value >= 0);
    }

    /// <summary>Whether element <paramref name="index"/> is a number.</summary>
    internal bool TryGetNumber(int index, out double value)
    {
        var bytes = Element(index);
        if (ElementType == GgufValueType.Float32)
            value = BinaryPrimitives.ReadSingleLittleEndian(bytes);
        else if (ElementType == GgufValueType.Float64)
            value = BinaryPrimitives.ReadDoubleLittleEndian(bytes);
        else if (TryGetInteger(index, out var integer))
            value = integer;
        else
            value = double.NaN;
        return SizeOf(ElementType) > 0 && ElementType != GgufValueType.Bool;
    }

    /// <summary>The strings of an array of strings, or the one string.</summary>
    internal string[] Strings()
    {
        var strings = new string[Count];
        var rest = Elements;
        for (var i = 0; i < strings.Length; i++)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(rest);
            strings[i] = Encoding.UTF8.GetString(rest.Slice(8, length));
            rest = rest[(8 + length)..];
        }

        return strings;
    }

    /// <summary>The Booleans of an array of Booleans, or the one Boolean; every byte but 0 is true.</summary>
    internal bool[] Bools() => Array.ConvertAll(Elements.ToArray(), b => b != 0);

    private static GgufValue OfElements<T>(GgufValueType type, ReadOnlySpan<T> values) where T : unmanaged =>
        new(GgufValueType.Array, (byte[])[.. ArrayHeader(type, values.Length), .. MemoryMarshal.AsBytes(values)]);

    private static GgufValue OfParts(GgufValueType type, int count, IEnumerable<ReadOnlyMemory<byte>> parts)
    {
        var raw = new MemoryStream();
        raw.Write(ArrayHeader(type, count));
        foreach (var part in parts)
            raw.Write(part.Span);
        return new(GgufValueType.Array, raw.ToArray());
    }

    private static byte[] ArrayHeader(GgufValueType type, int count) =>
        [.. BitConverter.GetBytes((uint)type), .. BitConverter.GetBytes((ulong)count)];

    private static byte[] StringBytes(string value)
    {
        var utf8 = Encoding.UTF8.GetBytes(value);
        return [.. BitConverter.GetBytes((ulong)utf8.Length), .. utf8];
    }

    private static string ScalarText(GgufValueType type, ReadOnlySpan<byte> bytes)
    {
        var value = new GgufValue(type, bytes.ToArray());
        if (type == GgufValueType.String)
            return value.Strings()[0];
        if (type == GgufValueType.Bool)
            return bytes[0] != 0 ? "true" : "false";
        if (type == GgufValueType.Float32)
            return BinaryPrimitives.ReadSingleLittleEndian(bytes).ToString(CultureInfo.InvariantCulture);
        if (type == GgufValueType.UInt64)
            return BinaryPrimitives.ReadUInt64LittleEndian(bytes).ToString(CultureInfo.InvariantCulture);
        return value.TryGetInteger(0, out var integer)
            ? integer.ToString(CultureInfo.InvariantCulture)
            : BinaryPrimitives.ReadDoubleLittleEndian(bytes).ToString(CultureInfo.InvariantCulture);
    }

    private ReadOnlySpan<byte> Element(int index)
    {
        var size = SizeOf(ElementType);
        return Elements.Slice(index * size, size);
    }
}
