// Makes a chosen photo smaller before it is sent: a telephone's is often ten times what anybody will see of it. Where the
// browser cannot, or would gain nothing, the file leaves as it is.

const LONGEST_SIDE = 2048;
const LIGHT = 400_000;
const QUALITY = 0.85;

for (const input of document.querySelectorAll("input[type=file][data-shrinks]")) {
  let shrinking = null;
  input.addEventListener("change", () => {
    const mine = (shrinking = shrink(input).finally(() => {
      if (shrinking === mine) {
        shrinking = null;
      }
    }));
  });
  input.form.addEventListener(
    "submit",
    async (event) => {
      if (!shrinking) {
        return;
      }
      event.preventDefault();
      event.stopImmediatePropagation();
      await shrinking;
      input.form.requestSubmit(event.submitter);
    },
    { capture: true },
  );
}

/** Put a smaller photo in the place of the one that was chosen, unless another was chosen meanwhile. */
async function shrink(input) {
  const [file] = input.files;
  if (!file || file.size <= LIGHT) {
    return;
  }
  try {
    const smaller = await redrawn(file);
    if (smaller && smaller.size < file.size && input.files[0] === file) {
      const files = new DataTransfer();
      files.items.add(new File([smaller], "photo", { type: smaller.type }));
      input.files = files.files;
    }
  } catch {
    // what this browser cannot draw, the server looks at
  }
}

/** The photo upright and within bounds, in WebP, or in JPEG where the browser writes no WebP. */
async function redrawn(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  try {
    const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const webp = await written(canvas, "image/webp");
    return webp?.type === "image/webp" ? webp : await onWhite(canvas);
  } finally {
    picture.close();
  }
}

/** In JPEG, which has nothing transparent: white stands behind the photo. */
function onWhite(canvas) {
  const pen = canvas.getContext("2d");
  pen.globalCompositeOperation = "destination-over";
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  return written(canvas, "image/jpeg");
}

function written(canvas, type) {
  return new Promise((resolve) => canvas.toBlob(resolve, type, QUALITY));
}
