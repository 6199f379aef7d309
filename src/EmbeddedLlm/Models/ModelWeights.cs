using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Models;

/// <summary>
/// The tensors of a file by GGUF name (without the suffix <c>.weight</c>), checked for shape and format, as weights that point into the file.
/// Remembers what was asked for, so that a tensor nobody knows is not passed over.
/// </summary>
internal sealed class ModelWeights(GgufFile file)
{
    // Frequencies that some converters store although metadata gives them.
    private const string StoredFrequencies = ".attn_rot_embd.weight";

    // Sixty times the largest known vocabulary, and low enough that a row of floats, in panels of 16 rows, has at most 2^30 bytes.
    private const int MaxDimension = 1 << 24;

    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    public string Path => file.Path;

    public bool Contains(string name) => file.TryGetTensor(name + ".weight", out _);

    /// <summary>A matrix [rows × columns].</summary>
    public Weight Matrix(string name, int rows, int columns) => Read(name, name + ".weight", columns, rows, 1);

    /// <summary>A stack of matrices [experts × rows × columns].</summary>
    public Weight Experts(string name, int experts, int rows, int columns) => Read(name, name + ".weight", columns, rows, experts);

    /// <summary>Rows of a matrix, or of each expert's.</summary>
    public int RowsOf(string name) => Dimension(Find(name + ".weight"), 1);

    /// <summary>Columns of a matrix.</summary>
    public int ColumnsOf(string name) => Dimension(Find(name + ".weight"), 0);

    /// <summary>A vector such as a norm's gain.</summary>
    public Weight Vector(string name, int length) => Read(name, name + ".weight", length, 1, 1);

    /// <summary>Numbers for each head, in a tensor whose name has no suffix, written as a row or as a column.</summary>
    public Weight Numbers(string tensorName, int length)
    {
        var tensor = Find(tensorName);
        return Dimension(tensor, 0) == 1 && Dimension(tensor, 1) == length
            ? Read(tensorName, tensorName, 1, length, 1) with { Columns = length, Rows = 1 }
            : Read(tensorName, tensorName, length, 1, 1);
    }

    public Weight? VectorIfThere(string name, params ReadOnlySpan<int> lengths)
    {
        if (!file.TryGetTensor(name + ".weight", out var tensor))
            return null;
        var length = Dimension(tensor, 0);
        return Vector(name, lengths.Contains(length) ? length : lengths[0]);
    }

    public Weight? BiasIfThere(string name, int length)
    {
        var full = name + ".bias";
        return file.TryGetTensor(full, out _) ? Read(full, full, length, 1, 1) : null;
    }

    /// <summary>The biases of a stack of matrices [experts × length].</summary>
    public Weight? BiasesIfThere(string name, int experts, int length)
    {
        var full = name + ".bias";
        return file.TryGetTensor(full, out _) ? Read(full, full, length, experts, 1) : null;
    }

    /// <summary>A matrix with its bias, if it has one.</summary>
    public (Weight Weight, Weight? Bias) Product(string name, int rows, int columns) => (Matrix(name, rows, columns), BiasIfThere(name, rows));

    /// <summary>Several products of one input: tensors of their own, or rows of the tensor <paramref name="fused"/>.</summary>
    public (Weight Weight, Weight? Bias)[] Products(string prefix, string fused, int columns, params ReadOnlySpan<(string Name, int Rows)> parts)
    {
        var products = new (Weight, Weight?)[parts.Length];
        if (!Contains(prefix + fused))
        {
            for (var i = 0; i < parts.Length; i++)
                products[i] = Product(prefix + parts[i].Name, parts[i].Rows, columns);
            return products;
        }

        var rows = 0;
        foreach (var part in parts)
            rows += part.Rows;
        var (weight, bias) = Product(prefix + fused, rows, columns);
        var first = 0;
        for (var i = 0; i < parts.Length; i++)
        {
            var (name, count) = parts[i];
            products[i] = Rows(weight, bias, first, count, prefix + name);
            first += count;
        }

        return products;
    }

    /// <summary>Some rows of a matrix and of its bias.</summary>
    public static (Weight Weight, Weight? Bias) Rows(Weight weight, Weight? bias, int first, int count, string name) =>
        (weight.Slice(first, count, name), bias is null ? null : bias with { Name = name + ".bias", Columns = count, Offset = bias.Format.RowBytes(first) });

    /// <summary>Says that tensors of these names, with their biases, are known and not needed.</summary>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            _used.UnionWith([name + ".weight", name + ".bias"]);
    }

    /// <summary>Refuses a file that holds a tensor which the graph does not use: the model would not be what it is.</summary>
    public void RequireAllUsed()
    {
        var unused = file.Tensors.Where(tensor => !_used.Contains(tensor.Name) && !tensor.Name.EndsWith(StoredFrequencies, StringComparison.Ordinal)).Select(tensor => tensor.Name).ToArray();
        if (unused.Length > 0)
            throw new UnsupportedModelException($"{file.Path}: {unused.Length} tensors have no place in this family, among them '{unused[0]}'. The model may be of a variant that is not supported.");
    }

    private Weight Read(string name, string tensorName, int columns, int rows, int experts)
    {
        var tensor = Find(tensorName);
        if (Dimension(tensor, 0) != columns || Dimension(tensor, 1) != rows || Dimension(tensor, 2) != experts || Dimension(tensor, 3) != 1)
            throw new ModelFormatException($"{file.Path}: tensor '{tensorName}': expected [{columns}, {rows}, {experts}], found [{string.Join(", ", tensor.Dimensions)}].");
        if (!BlockFormats.TryGet(tensor.Type, out var format))
            throw new UnsupportedModelException($"{file.Path}: tensor '{tensorName}' has the format {tensor.Type}, which is not supported. Supported: {string.Join(", ", BlockFormats.All)}. Take the model in one of these, or quantize it to one from a file in F16 or BF16.");
        if (columns % format.Length != 0)
            throw new ModelFormatException($"{file.Path}: tensor '{tensorName}': expected rows of a multiple of {format.Length} numbers ({format}), found {columns}.");
        _used.Add(tensorName);
        return new Weight(name, format, columns, rows, new GgufStorage(tensor), 0, experts);
    }

    private GgufTensor Find(string tensorName) => file.TryGetTensor(tensorName, out var tensor)
        ? tensor
        : throw new ModelFormatException($"{file.Path}: tensor '{tensorName}' is missing; expected it for a model of this family. Convert or download the model again; if its file is whole, it is of a variant that is not supported.");

    // A size that the file leaves out is 1.
    private int Dimension(GgufTensor tensor, int index)
    {
        var size = index < tensor.Dimensions.Length ? tensor.Dimensions[index] : 1;
        if (size is < 1 or > MaxDimension)
            throw new ModelFormatException($"{file.Path}: tensor '{tensor.Name}': expected sizes from 1 to {MaxDimension}, found [{string.Join(", ", tensor.Dimensions)}].");
        return (int)size;
    }
}
