// What both scripts share.

/** Return the error code that a call is refused with; undefined: it is not. */
export async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return error.code;
  }
}
