namespace GgufQuant.Evaluation.Engines;

/// <summary>llama.cpp's evaluation callback, <c>ggml_backend_sched_eval_callback</c>: it sees every operation of an evaluation.</summary>
internal unsafe interface ITensorCallback
{
    /// <summary>If asking, whether the tensor is wanted; otherwise whether to continue. It must not throw.</summary>
    bool OnTensor(NativeTensor* tensor, bool ask);

    /// <summary>An exception that was kept off native frames, once; null if there was none.</summary>
    Exception? TakeFailure();
}
