using System.Collections.Immutable;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Safetensors;

namespace EmbeddedLlm.HuggingFace;

/// <summary>A tensor of a safetensors file as GGUF has it: the bytes where they stand if they are the same, else made from them.</summary>
internal static class PlacedTensor
{
    /// <exception cref="UnsupportedModelException">Numbers of a format that is no weight's, or more of them than can be changed in memory.</exception>
    /// <exception cref="ModelFormatException">Sizes that do not fit.</exception>
    public static GgufTensor Of(SafetensorsFile file, SafetensorsTensor tensor, Placement placement)
    {
        var path = file.Mapping.Path;
        var type = TypeOf(path, tensor);
        if (tensor.Shape.Length is < 1 or > 2 || tensor.Shape.Any(size => size is < 1 or > int.MaxValue))
            throw new ModelFormatException($"{path}: tensor '{tensor.Name}': expected one or two sizes of at least 1, found [{string.Join(", ", tensor.Shape)}].");
        if (tensor.Shape[0] % placement.RowUnit != 0)
            throw new ModelFormatException($"{path}: tensor '{tensor.Name}': expected a multiple of {placement.RowUnit} rows, found {tensor.Shape[0]}.");

        var elementBytes = type == GgmlType.F32 ? sizeof(float) : sizeof(ushort);
        var isVector = tensor.Shape.Length == 1;
        ImmutableArray<long> dimensions = placement.IsTransposed ? tensor.Shape : [.. tensor.Shape.Reverse()];
        if (isVector && (type != GgmlType.F32 || placement.Addend != 0))
            return Made(GgmlType.F32, () => Widened(Read(), placement));                             // vectors are few, and F32 everywhere in GGUF
        if (placement.IsTransposed && !isVector)
            return Made(type, () => Transposed(Read(), (int)tensor.Shape[0], (int)tensor.Shape[1], elementBytes));
        if (placement.RowFrom is { } from)
            return Made(type, () => Reordered(Read(), (int)tensor.Shape[0], from));
        return tensor.Start % elementBytes == 0
            ? new GgufTensor(placement.Name, type, dimensions, tensor.Bytes / elementBytes, tensor.Bytes, file.Mapping, tensor.Start)
            : Made(type, () => Read().ToArray());

        ReadOnlySpan<byte> Read() => file.Mapping.Slice(tensor.Start, (int)tensor.Bytes);

        GgufTensor Made(GgmlType to, Func<byte[]> make)
        {
            var elements = tensor.Bytes / elementBytes;
            var bytes = elements * (to == GgmlType.F32 ? sizeof(float) : sizeof(ushort));
            if (Math.Max(bytes, tensor.Bytes) > Array.MaxLength)
                throw new UnsupportedModelException($"{path}: tensor '{tensor.Name}' has {tensor.Bytes} bytes, and must be changed in memory, which goes up to {Array.MaxLength}. A GGUF file of this model needs no change.");
            return new GgufTensor(placement.Name, to, dimensions, elements, bytes, new MadeBytes(path, bytes, make), 0);
        }

        byte[] Widened(ReadOnlySpan<byte> source, Placement how)
        {
            if (how.RowFrom is { } rowFrom)
                source = Reordered(source, (int)tensor.Shape[0], rowFrom);
            var result = new byte[tensor.Shape[0] * sizeof(float)];
            var numbers = MemoryMarshal.Cast<byte, float>(result.AsSpan());
            BlockFormats.Get(type).Dequantize(source, numbers);
            TensorPrimitives.Add(numbers, how.Addend, numbers);
            return result;
        }
    }

    private static GgmlType TypeOf(string path, SafetensorsTensor tensor) => tensor.Type switch
    {
        "F32" => GgmlType.F32,
        "F16" => GgmlType.F16,
        "BF16" => GgmlType.BF16,
        _ => throw new UnsupportedModelException($"{path}: tensor '{tensor.Name}' has the format {tensor.Type}; weights are read in F32, F16 and BF16. If this is a quantized model (GPTQ, AWQ, FP8 …), take the one it was made from, or a GGUF file."),
    };

    private static byte[] Reordered(ReadOnlySpan<byte> source, int rows, Func<int, int> from)
    {
        var result = new byte[source.Length];
        var rowBytes = source.Length / rows;
        for (var row = 0; row < rows; row++)
            source.Slice(from(row) * rowBytes, rowBytes).CopyTo(result.AsSpan(row * rowBytes));
        return result;
    }

    private static byte[] Transposed(ReadOnlySpan<byte> source, int rows, int columns, int elementBytes)
    {
        var result = new byte[source.Length];
        if (elementBytes == sizeof(ushort))
            Transpose(MemoryMarshal.Cast<byte, ushort>(source), MemoryMarshal.Cast<byte, ushort>(result.AsSpan()), rows, columns);
        else
            Transpose(MemoryMarshal.Cast<byte, uint>(source), MemoryMarshal.Cast<byte, uint>(result.AsSpan()), rows, columns);
        return result;
    }

    private static void Transpose<T>(ReadOnlySpan<T> source, Span<T> result, int rows, int columns)
    {
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
                result[column * rows + row] = source[row * columns + column];
        }
    }
}
