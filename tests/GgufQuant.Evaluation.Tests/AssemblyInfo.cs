// llama.cpp's threads spin while they wait for each other, so tests side by side would slow each other down many times.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
