using System.Buffers;
using System.Collections.Immutable;
using System.Numerics.Tensors;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Gguf;

/// <summary>Writes a model with smaller weights: every matrix in one format, or in one of llama.cpp's mixtures of formats.</summary>
public static class GgufQuantizer
{
    /// <summary>Numbers that one thread converts at a time; a multiple of every block length. Blocks never cross rows, so rows do not matter.</summary>
    private const int ChunkLength = 1 << 14;

    /// <summary>Numbers that are in memory at a time.</summary>
    private const int BatchLength = 1 << 20;

    /// <summary>The version of the quantized formats that GGUF files carry as <c>general.quantization_version</c>.</summary>
    private const uint FormatsVersion = 2;

    /// <summary>
    /// What a model can be quantized to, from large to small. <c>_S</c>, <c>_M</c> and <c>_L</c> are mixtures: the more important tensors get more bits.
    /// </summary>
    public static ImmutableArray<string> Targets { get; } = [.. QuantizationTarget.All.Select(t => t.Name)];

    /// <summary>
    /// Quantizes a model. Vectors, norms and routers keep their format; rows that are no multiple of a format's block get the next format that fits.
    /// The new file appears under its name when it is complete.
    /// </summary>
    /// <param name="source">A model in F32, F16 or BF16, in one file or in shards.</param>
    /// <param name="target">One of <see cref="Targets"/>, in any case; <c>Q3_K</c>, <c>Q4_K</c> and <c>Q5_K</c> mean their M mixtures.</param>
    /// <param name="outputPath">The new file. One that is there is replaced.</param>
    /// <param name="progress">Told of each tensor after it is written.</param>
    /// <param name="importance">How much weights count, which makes every format below 8 bits better; some targets need it, see <see cref="NeedsImportance"/>. Tensors it does not know are rounded as without it.</param>
    /// <param name="cancellationToken">Ends the work; nothing remains of the new file.</param>
    /// <exception cref="ArgumentException">The target is unknown, or needs an importance matrix and there is none, or the output is a file of the source.</exception>
    /// <exception cref="UnsupportedModelException">A tensor that must change is quantized already: quantizing twice loses more than the target says.</exception>
    /// <exception cref="ModelFormatException">A weight is infinite or not a number, the source is a header without tensor data, or the importance matrix does not fit the model or lacks a tensor that needs it.</exception>
    public static void Quantize(GgufFile source, string target, string outputPath, IProgress<QuantizationProgress>? progress = null, ImportanceMatrix? importance = null, CancellationToken cancellationToken = default)
    {
        var chosen = QuantizationTarget.Find(target);
        if (chosen.NeedsImportance && importance is null)
            throw new ArgumentException($"{chosen.Name} needs an importance matrix.", nameof(importance));
        if (source.Paths.Select(AtomicFile.RealPath).Contains(AtomicFile.RealPath(outputPath)))
            throw new ArgumentException("A model cannot be quantized into its own file, nor into one of its shards.", nameof(outputPath));

        var types = QuantizationMix.Choose(source, chosen, importance is not null);
        var writer = GgufWriter.From(source, withTensors: false);
        writer.Set("general.quantization_version", GgufValue.Of(FormatsVersion));
        writer.Set("general.file_type", GgufValue.Of(chosen.FileType));
        if (importance is not null)
            Describe(importance, writer);
        var done = 0;
        foreach (var tensor in source.Tensors)
        {
            // Before there is an output, and not in Parallel.For, which would wrap it.
            tensor.ThrowIfWithoutData();
            var (wanted, type) = types[tensor.Name];
            if (type != tensor.Type && tensor.Type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16))
                throw new UnsupportedModelException($"{source.Path}: tensor '{tensor.Name}' is {tensor.Type} already. Quantize from a model in F32, F16 or BF16.");
            var weights = type == tensor.Type ? null : WeightsOf(tensor, type, importance);
            writer.Add(tensor.Name, type, tensor.Dimensions.AsSpan(), stream =>
            {
                if (type == tensor.Type)
                    tensor.CopyTo(stream, cancellationToken);
                else
                    Convert(source, tensor, weights, BlockFormats.Get(type), stream, cancellationToken);
                progress?.Report(new QuantizationProgress(tensor.Name, tensor.Type, wanted, type, weights is not null, ++done, source.Tensors.Count));
            });
        }

        writer.Save(outputPath, cancellationToken);
    }

    /// <summary>Whether <paramref name="target"/> needs an importance matrix.</summary>
    /// <exception cref="ArgumentException">The target is unknown.</exception>
    public static bool NeedsImportance(string target) => QuantizationTarget.Find(target).NeedsImportance;

    // What llama.cpp's tools write too.
    private static void Describe(ImportanceMatrix importance, GgufWriter writer)
    {
        writer.Set("quantize.imatrix.file", GgufValue.Of(Path.GetFileName(importance.Source)));
        if (importance.Datasets.Count > 0)
            writer.Set("quantize.imatrix.dataset", GgufValue.Of(importance.Datasets[0]));
        writer.Set("quantize.imatrix.entries_count", GgufValue.Of((uint)importance.Tensors.Count));
        writer.Set("quantize.imatrix.chunks_count", GgufValue.Of((uint)importance.ChunkCount));
    }

    private static float[]? WeightsOf(GgufTensor tensor, GgmlType type, ImportanceMatrix? importance)
    {
        var weights = type is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16 or GgmlType.Q8_0 ? null : importance?.WeightsOf(tensor);
        return weights is not null || !QuantizationTarget.RequiresImportance(type)
            ? weights
            : throw new ModelFormatException($"{importance?.Source}: tensor '{tensor.Name}' is missing; expected it, since it becomes {type}, which needs it.");
    }

    private static void Convert(GgufFile source, GgufTensor tensor, float[]? weights, BlockFormat to, Stream stream, CancellationToken cancellationToken)
    {
        var from = BlockFormats.Get(tensor.Type);
        var batch = new byte[to.RowBytes(BatchLength)];
        for (var start = 0L; start < tensor.ElementCount; start += BatchLength)
        {
            var length = (int)Math.Min(BatchLength, tensor.ElementCount - start);
            var isFinite = true;

            // Work for minutes on all cores and no part of inference, so not for the worker team.
            Parallel.For(0, (length + ChunkLength - 1) / ChunkLength, new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = Environment.ProcessorCount }, chunk =>
            {
                var first = chunk * ChunkLength;
                var values = ArrayPool<float>.Shared.Rent(ChunkLength);
                var chunkValues = values.AsSpan(0, Math.Min(ChunkLength, length - first));
                from.Dequantize(tensor.Slice(from.RowBytes(start + first), (int)from.RowBytes(chunkValues.Length)), chunkValues);
                if (!TensorPrimitives.IsFiniteAll<float>(chunkValues))
                    isFinite = false;
                using var importance = new WeightedChunk(tensor, weights, start + first, chunkValues);
                to.Quantize(chunkValues, importance.Weights, batch.AsSpan((int)to.RowBytes(first), (int)to.RowBytes(chunkValues.Length)));
                ArrayPool<float>.Shared.Return(values);
            });

            if (!isFinite)
                throw new ModelFormatException($"{source.Path}: tensor '{tensor.Name}': expected finite weights, found infinity or NaN among weights {start} to {start + length - 1}.");
            stream.Write(batch, 0, (int)to.RowBytes(length));
        }
    }
}
