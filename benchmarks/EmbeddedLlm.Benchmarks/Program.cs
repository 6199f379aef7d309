// dotnet run -c Release -- shape llama-1b Q4_0 model.gguf [vocabulary.gguf]     writes a model of that shape, for `embedded-llm bench`
// dotnet run -c Release -- products                                             compares assembled products with intrinsics
// dotnet run -c Release -- backends model.gguf                                  compares the backends on a model
// dotnet run -c Release -- [BenchmarkDotNet's arguments]                        times kernels, formats, tokenizers
using BenchmarkDotNet.Running;
using EmbeddedLlm.Benchmarks;

if (args is ["shape", var shape, var type, var path, ..] and { Length: 4 or 5 })
    ShapeModel.Shapes[shape].Write(path, type, args.ElementAtOrDefault(4));
else if (args is ["products"])
    ProductComparison.Print(rounds: 5);
else if (args is ["backends", var model])
    BackendComparison.Print(model, rounds: 8);
else
    BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
