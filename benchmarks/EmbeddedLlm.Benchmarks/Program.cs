// dotnet run -c Release -- shape llama-1b Q4_0 model.gguf     writes a model of that shape, for `embedded-llm bench`
// dotnet run -c Release -- tiers                              times products of every format on every instruction set
// dotnet run -c Release -- pack                               times the packing of weights
// dotnet run -c Release -- in-file model.gguf 2 11            compares packed weights with those that stay in the file: threads, turns
// dotnet run -c Release -- [BenchmarkDotNet's arguments]      times kernels, formats, tokenizers
using System.Globalization;
using BenchmarkDotNet.Running;
using EmbeddedLlm.Benchmarks;
using EmbeddedLlm.Quantization;

if (args is ["shape", var shape, var type, var path])
    ShapeModel.Shapes[shape].Write(path, Enum.Parse<GgmlType>(type));
else if (args is ["tiers"])
    TierSpeed.Print();
else if (args is ["pack"])
    PackSpeed.Print();
else if (args is ["in-file", var model, var threads, var turns])
    InFileSpeed.Print(model, int.Parse(threads, CultureInfo.InvariantCulture), int.Parse(turns, CultureInfo.InvariantCulture));
else
    BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
